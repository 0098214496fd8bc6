package exchange

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// extendedFieldURI names any MAPI property (EWS: ExtendedFieldURI).
type extendedFieldURI struct {
	WellKnownSet string `xml:"DistinguishedPropertySetId,attr"`
	SetID        string `xml:"PropertySetId,attr"`
	Tag          string `xml:"PropertyTag,attr"`
	Name         string `xml:"PropertyName,attr"`
	ID           string `xml:"PropertyId,attr"`
	Type         string `xml:"PropertyType,attr"`
}

// wellKnownSets are the property sets that have a name in EWS (MS-OXPROPS, section 1.3.2).
var wellKnownSets = map[string]string{
	"Address":           "00062004-0000-0000-c000-000000000046",
	"Appointment":       "00062002-0000-0000-c000-000000000046",
	"CalendarAssistant": "11000e07-b51b-40d6-af21-caa85edab1d0",
	"Common":            "00062008-0000-0000-c000-000000000046",
	"InternetHeaders":   "00020386-0000-0000-c000-000000000046",
	"Meeting":           "6ed8da90-450b-101b-98da-00aa003f1305",
	"PublicStrings":     "00020329-0000-0000-c000-000000000046",
	"Sharing":           "00062040-0000-0000-c000-000000000046",
	"Task":              "00062003-0000-0000-c000-000000000046",
	"UnifiedMessaging":  "4442858e-a9e3-4e80-b900-317a210cc15b",
}

// extendedKinds are the types of MAPI properties that can be set, each also as an array, with how they are compared.
var extendedKinds = map[string]kind{"ApplicationTime": numberKind, "Binary": textKind, "Boolean": flagKind,
	"CLSID": textKind, "Currency": numberKind, "Double": numberKind, "Float": numberKind, "Integer": numberKind,
	"Long": numberKind, "Short": numberKind, "String": textKind, "SystemTime": timeKind}

// key identifies a property in whatever way it was named.
func (e extendedFieldURI) key() (string, *ewsFault) {
	base, _ := strings.CutSuffix(e.Type, "Array")
	if slices.Contains([]string{"Error", "Null", "Object"}, base) {
		return "", &ewsFault{Code: "ErrorUnsupportedMapiPropertyType",
			Message: "The property type is not supported: " + e.Type + "."}
	}
	invalid := &ewsFault{Code: "ErrorInvalidExtendedProperty",
		Message: "The extended property attribute combination is invalid."}
	if _, known := extendedKinds[base]; !known {
		return "", invalid
	}
	set := strings.ToLower(e.SetID)
	if e.WellKnownSet != "" {
		set = wellKnownSets[e.WellKnownSet]
	}
	number, err := strconv.ParseUint(e.Tag+e.ID, 0, 32)
	switch {
	case e.WellKnownSet != "" && (e.SetID != "" || set == ""):
		return "", invalid
	case e.Tag != "" && set == "" && e.Name == "" && e.ID == "" && err == nil && number <= math.MaxUint16:
		return fmt.Sprintf("%#x/%s", number, e.Type), nil
	case e.Tag != "" || uuid.Validate(set) != nil:
		return "", invalid
	case e.Name != "" && e.ID == "":
		return set + "/" + e.Name + "/" + e.Type, nil
	case e.Name == "" && e.ID != "" && err == nil:
		return fmt.Sprintf("%s/%#x/%s", set, number, e.Type), nil
	}
	return "", invalid
}

// xml repeats how a property was named, in the attributes' order of the schema, a tag in hexadecimal.
func (e extendedFieldURI) xml() string {
	var attributes strings.Builder
	if tag, err := strconv.ParseUint(e.Tag, 0, 32); err == nil {
		e.Tag = fmt.Sprintf("%#x", tag)
	}
	for _, a := range [][2]string{{"DistinguishedPropertySetId", e.WellKnownSet}, {"PropertySetId", e.SetID},
		{"PropertyTag", e.Tag}, {"PropertyName", e.Name}, {"PropertyId", e.ID}, {"PropertyType", e.Type}} {
		if a[1] != "" {
			fmt.Fprintf(&attributes, ` %s="%s"`, a[0], escapeXML(a[1]))
		}
	}
	return `<t:ExtendedFieldURI` + attributes.String() + `/>`
}

// extendedProperty is a MAPI property with its value (EWS: ExtendedProperty).
type extendedProperty struct {
	URI    extendedFieldURI `xml:"ExtendedFieldURI"`
	Value  *string          `xml:"Value"`
	Values *struct {
		Values []string `xml:"Value"`
	} `xml:"Values"`
}

// property is what a mail store keeps of it.
func (p extendedProperty) property() (tenant.ExtendedProperty, *ewsFault) {
	key, fault := p.URI.key()
	if fault != nil {
		return tenant.ExtendedProperty{}, fault
	}
	property := tenant.ExtendedProperty{Key: key}
	base, isArray := strings.CutSuffix(p.URI.Type, "Array")
	ok := true
	switch {
	case isArray && p.Values != nil && p.Value == nil:
		property.Values = slices.Clone(p.Values.Values)
	case !isArray && p.Value != nil && p.Values == nil:
		property.Values = []string{*p.Value}
	default:
		ok = false
	}
	for i, value := range property.Values {
		var valid bool
		property.Values[i], valid = canonicalMAPI(base, value)
		ok = ok && valid
	}
	if !ok {
		return property, &ewsFault{Code: "ErrorInvalidExtendedPropertyValue",
			Message: "The specified value is invalid for property."}
	}
	return property, nil
}

// integerSizes are the bits of the types that are whole numbers.
var integerSizes = map[string]int{"Short": 16, "Integer": 32, "Long": 64, "Currency": 64}

// canonicalMAPI writes a value of a MAPI type in one way, and reports whether it is one.
func canonicalMAPI(base, value string) (string, bool) {
	var err error
	switch base {
	case "Binary":
		_, err = base64.StdEncoding.DecodeString(value)
	case "CLSID":
		err = uuid.Validate(value)
	case "Short", "Integer", "Long", "Currency":
		_, err = strconv.ParseInt(value, 10, integerSizes[base])
	default:
		return extendedKinds[base].canonical(value)
	}
	return value, err == nil
}

// extendedXML writes the values of a property, nothing where there are none.
func extendedXML(uri extendedFieldURI, values []string, found bool) string {
	if !found {
		return ""
	}
	var written strings.Builder
	for _, value := range values {
		written.WriteString(`<t:Value>` + escapeXML(value) + `</t:Value>`)
	}
	content := written.String()
	if strings.HasSuffix(uri.Type, "Array") {
		content = `<t:Values>` + content + `</t:Values>`
	}
	return `<t:ExtendedProperty>` + uri.xml() + content + `</t:ExtendedProperty>`
}

// findExtended finds a property among those that were set.
func findExtended(properties []tenant.ExtendedProperty, key string) (values []string, found bool) {
	at := slices.IndexFunc(properties, func(p tenant.ExtendedProperty) bool { return p.Key == key })
	if at < 0 {
		return nil, false
	}
	return properties[at].Values, true
}

// setExtended sets a property, in place of the value that it had.
func setExtended(properties []tenant.ExtendedProperty, p tenant.ExtendedProperty) []tenant.ExtendedProperty {
	return append(removeExtended(properties, p.Key), p)
}

func removeExtended(properties []tenant.ExtendedProperty, key string) []tenant.ExtendedProperty {
	return slices.DeleteFunc(slices.Clone(properties), func(p tenant.ExtendedProperty) bool { return p.Key == key })
}

// kind is how the values of a property are compared.
type kind int

const (
	notSearchable kind = iota
	textKind
	numberKind
	timeKind
	flagKind
)

// timeFormat is how Exchange writes a time.
const timeFormat = "2006-01-02T15:04:05Z"

// canonical writes a value in one way, and reports whether it is one of that kind.
func (k kind) canonical(value string) (string, bool) {
	value = strings.TrimSpace(value)
	switch k {
	case numberKind:
		_, err := strconv.ParseFloat(value, 64)
		return value, err == nil
	case timeKind:
		at, err := time.Parse(time.RFC3339, value)
		return at.UTC().Format(timeFormat), err == nil
	case flagKind:
		flag, err := strconv.ParseBool(value)
		return strconv.FormatBool(flag), err == nil
	}
	return value, true
}

// compare orders two canonical values. Texts are ordered without regard to case.
func (k kind) compare(a, b string) int {
	if k == numberKind {
		x, _ := strconv.ParseFloat(a, 64) // canonical has parsed it
		y, _ := strconv.ParseFloat(b, 64)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}
