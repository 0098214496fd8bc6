package exchange

import (
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// restriction is what is searched for: one search expression (EWS: Restriction).
type restriction struct {
	Expressions []search `xml:",any"`
}

// search is a search expression. Its name decides which parts it has.
type search struct {
	XMLName    xml.Name
	Mode       string         `xml:"ContainmentMode,attr"`
	Comparison string         `xml:"ContainmentComparison,attr"`
	Constant   *constantValue `xml:"Constant"`
	Operand    struct {
		Constant *constantValue `xml:"Constant"`
	} `xml:"FieldURIOrConstant"`
	propertyPath
	restriction
}

type constantValue struct {
	Value string `xml:"Value,attr"`
}

func (r *restriction) check() error {
	if r == nil {
		return nil
	}
	if len(r.Expressions) != 1 {
		return errors.New("Restriction holds one search expression")
	}
	return r.Expressions[0].check()
}

func (s search) check() error {
	switch name := s.XMLName.Local; name {
	case "And", "Or", "Not":
		if len(s.Expressions) == 0 || name == "Not" && len(s.Expressions) > 1 {
			return fmt.Errorf("%s holds %d search expressions", name, len(s.Expressions))
		}
		for _, one := range s.Expressions {
			if err := one.check(); err != nil {
				return err
			}
		}
		return nil
	case "Exists":
	case "Contains":
		if !slices.Contains([]string{"FullString", "Prefixed", "Substring"}, s.Mode) ||
			!slices.Contains([]string{"Exact", "IgnoreCase"}, s.Comparison) || s.Constant == nil {
			return errors.New("the sandbox knows Contains with FullString, Prefixed or Substring, Exact or IgnoreCase, and a " +
				"constant")
		}
	default:
		if s.Operand.Constant == nil {
			return fmt.Errorf("%s compares with a constant", name)
		}
	}
	return s.propertyPath.check()
}

// maxExpressions is how many search expressions a restriction has at most (EWS: ResponseCode, ErrorRestrictionTooLong).
const maxExpressions = 255

// searchable says how a property is compared, notSearchable for one that is not.
type searchable func(propertyPath) kind

// fault is why nothing can be searched for so.
func (r *restriction) fault(kinds searchable) *ewsFault {
	if r == nil {
		return nil
	}
	if r.count() > maxExpressions {
		return &ewsFault{Code: "ErrorRestrictionTooLong",
			Message: fmt.Sprintf("The specified restriction has more than %d nodes.", maxExpressions)}
	}
	return r.Expressions[0].fault(kinds)
}

func (r *restriction) count() int {
	count := len(r.Expressions)
	for _, s := range r.Expressions {
		count += s.count()
	}
	return count
}

func (s search) fault(kinds searchable) *ewsFault {
	for _, one := range s.Expressions {
		if fault := one.fault(kinds); fault != nil {
			return fault
		}
	}
	if len(s.Expressions) > 0 {
		return nil
	}
	kind := kinds(s.propertyPath)
	if kind == notSearchable {
		return &ewsFault{Code: "ErrorUnsupportedPathForQuery",
			Message: "The property can not be used with this type of restriction."}
	}
	if s.XMLName.Local == "Contains" && kind != textKind {
		return &ewsFault{Code: "ErrorContainsFilterWrongType",
			Message: "The Contains filter can only be used for string properties."}
	}
	if constant := s.Operand.Constant; constant != nil {
		if _, ok := kind.canonical(constant.Value); !ok {
			return &ewsFault{Code: "ErrorInvalidValueForProperty", Message: "The specified value is invalid for property."}
		}
	}
	return nil
}

// finds reports whether something is searched for, given its properties.
func (r *restriction) finds(kinds searchable, value func(propertyPath) (string, bool)) bool {
	return r == nil || r.Expressions[0].finds(kinds, value)
}

func (s search) finds(kinds searchable, value func(propertyPath) (string, bool)) bool {
	matches := func(one search) bool { return one.finds(kinds, value) }
	switch s.XMLName.Local {
	case "Or":
		return slices.ContainsFunc(s.Expressions, matches)
	case "And":
		return !slices.ContainsFunc(s.Expressions, func(one search) bool { return !matches(one) })
	case "Not":
		return !matches(s.Expressions[0])
	}
	has, found := value(s.propertyPath)
	switch s.XMLName.Local {
	case "Exists":
		return found
	case "Contains":
		return found && s.contained(has)
	}
	kind := kinds(s.propertyPath)
	wanted, _ := kind.canonical(s.Operand.Constant.Value) // fault has looked at it
	order := kind.compare(has, wanted)
	switch s.XMLName.Local {
	case "IsEqualTo":
		return found && order == 0
	case "IsNotEqualTo":
		return !found || order != 0
	case "IsGreaterThan":
		return found && order > 0
	case "IsGreaterThanOrEqualTo":
		return found && order >= 0
	case "IsLessThan":
		return found && order < 0
	default:
		return found && order <= 0
	}
}

func (s search) contained(has string) bool {
	wanted := s.Constant.Value
	if s.Comparison == "IgnoreCase" {
		has, wanted = strings.ToLower(has), strings.ToLower(wanted)
	}
	switch s.Mode {
	case "FullString":
		return has == wanted
	case "Prefixed":
		return strings.HasPrefix(has, wanted)
	default:
		return strings.Contains(has, wanted)
	}
}

// sortOrder is in which order items are returned (EWS: SortOrder).
type sortOrder struct {
	Fields []struct {
		Order string `xml:"Order,attr"`
		propertyPath
	} `xml:"FieldOrder"`
}

func (o *sortOrder) check() error {
	if o == nil {
		return nil
	}
	if len(o.Fields) == 0 {
		return errors.New("SortOrder holds no FieldOrder")
	}
	for _, f := range o.Fields {
		if f.Order != "Ascending" && f.Order != "Descending" {
			return fmt.Errorf("Order is %q, not Ascending or Descending", f.Order)
		}
		if err := f.propertyPath.check(); err != nil {
			return err
		}
	}
	return nil
}

func (o *sortOrder) fault(kinds searchable) *ewsFault {
	if o == nil {
		return nil
	}
	for _, f := range o.Fields {
		if kinds(f.propertyPath) == notSearchable {
			return &ewsFault{Code: "ErrorUnsupportedPathForSortGroup",
				Message: "The property can not be used for sorting or grouping."}
		}
	}
	return nil
}

// compare orders two things by their properties.
func (o *sortOrder) compare(kinds searchable, a, b func(propertyPath) (string, bool)) int {
	for _, f := range o.Fields {
		x, _ := a(f.propertyPath)
		y, _ := b(f.propertyPath)
		order := kinds(f.propertyPath).compare(x, y)
		if f.Order == "Descending" {
			order = -order
		}
		if order != 0 {
			return order
		}
	}
	return 0
}
