package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Exchange is a request with its answer.
type Exchange struct {
	Method   string
	Target   string // below the version, with the query, such as /users?$top=1
	Header   http.Header
	Body     []byte
	Status   int
	Answered http.Header
	Answer   []byte
	Lost     bool // the answer did not go out whole: the request alone can be judged
}

// Violations are the sentences of what is not in the contract, each beginning with the request. A batch's parts are
// held against it one by one.
func (c *Contract) Violations(e Exchange) []string { return c.violations(e, true) }

// AnswerViolations are the same about the answer alone, where requests are wrong on purpose. What was asked of a path
// or by a method that the contract does not have is left out.
func (c *Contract) AnswerViolations(e Exchange) []string { return c.violations(e, false) }

func (c *Contract) violations(e Exchange, ofRequest bool) []string {
	target, err := url.ParseRequestURI(e.Target)
	if err != nil {
		return []string{fmt.Sprintf("%s %s: %v", e.Method, e.Target, err)}
	}
	o, err := c.find(e.Method, target.EscapedPath())
	if err != nil {
		if !ofRequest {
			return nil
		}
		return []string{fmt.Sprintf("%s %s: %v", e.Method, e.Target, err)}
	}
	var found []string
	note := func(where string, errs ...error) {
		for _, err := range errs {
			found = append(found, fmt.Sprintf("%s %s: %s: %v", e.Method, e.Target, where, err))
		}
	}
	if ofRequest {
		note("query", c.checkQuery(o, target.RawQuery)...)
		note("header", o.checkHeader(e.Header)...)
		note("request", c.checkRequest(o, e)...)
	}
	carriedOut := !e.Lost && e.Status < http.StatusMultipleChoices
	if ofRequest || carriedOut {
		note("request", checkRequired(o, e)...) // who carries out what lacks something is as wrong as who sends it
	}
	if !e.Lost {
		note("answer "+strconv.Itoa(e.Status), c.checkAnswer(o, e)...)
		note("answer "+strconv.Itoa(e.Status), c.checkIDs(o, e)...)
	}
	if o.path == batchPath {
		parts, errs := unpack(e)
		note("batch", errs...)
		for _, part := range parts {
			found = append(found, c.violations(part, ofRequest)...)
		}
	}
	return found
}

// pageOptions are the options of an @odata.nextLink, which a client follows unchanged (Microsoft Graph: paging): no
// contract declares them.
var pageOptions = []string{"$skiptoken"}

func (c *Contract) checkQuery(o operation, raw string) (errs []error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return []error{err}
	}
	for name, given := range values {
		declared := o.Parameters.GetByInAndName("query", name)
		switch {
		case declared == nil && slices.Contains(pageOptions, name) && o.isList():
		case declared == nil:
			errs = append(errs, fmt.Errorf("the option %s is unknown", name))
		case len(given) > 1:
			errs = append(errs, fmt.Errorf("the option %s is given twice", name))
		default:
			errs = append(errs, checkParameter(name, given[0], declared.Schema.Value)...)
			errs = append(errs, c.checkNames(o, name, given[0])...)
		}
	}
	return errs
}

// isList reports whether an operation takes a page size, and so has pages.
func (o operation) isList() bool { return o.Parameters.GetByInAndName("query", "$top") != nil }

func checkParameter(name, text string, schema *openapi3.Schema) []error {
	var value any = text
	switch {
	case schema.Type.Is("integer"):
		number, err := strconv.Atoi(text)
		if err != nil {
			return []error{fmt.Errorf("%s is %q, which is not a number", name, text)}
		}
		value = float64(number)
	case schema.Type.Is("boolean"):
		truth, err := strconv.ParseBool(text)
		if err != nil {
			return []error{fmt.Errorf("%s is %q, which is neither true nor false", name, text)}
		}
		value = truth
	case schema.Type.Is("array"):
		var list []any
		for part := range strings.SplitSeq(text, ",") {
			list = append(list, part)
		}
		value = list
	}
	return visit(schema, value)
}

func (o operation) checkHeader(header http.Header) (errs []error) {
	for _, declared := range o.Parameters {
		if text := header.Get(declared.Value.Name); declared.Value.In == "header" && text != "" {
			errs = append(errs, checkParameter(declared.Value.Name, text, declared.Value.Schema.Value)...)
		}
	}
	return errs
}

func (c *Contract) checkRequest(o operation, e Exchange) []error {
	if o.RequestBody == nil {
		// In a batch every write has a body, whether the operation takes one or not (Microsoft Graph: JSON batching).
		if len(e.Body) > 0 && string(e.Body) != "{}" {
			return []error{errors.New("the operation takes no body")}
		}
		return nil
	}
	return c.checkBody(o.RequestBody.Value.Content, e.Header, e.Body)
}

func (c *Contract) checkAnswer(o operation, e Exchange) []error {
	declared := o.Responses.Status(e.Status)
	if declared == nil {
		return []error{errors.New("the operation has no answer of that status")}
	}
	if throttledOrWorse(e.Status) && (!isJSON(e.Answered) || len(e.Answer) == 0) {
		return nil
	}
	if len(declared.Value.Content) == 0 {
		if len(e.Answer) > 0 {
			return []error{errors.New("an answer of that status has no body")}
		}
		return nil
	}
	return c.checkBody(declared.Value.Content, e.Answered, e.Answer)
}

func isJSON(header http.Header) bool {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

func (c *Contract) checkBody(declared openapi3.Content, header http.Header, body []byte) []error {
	if declared.Get("application/json") == nil && declared.Get(header.Get("Content-Type")) != nil {
		return nil // nothing is said of what is not JSON but its type
	}
	if !isJSON(header) {
		return []error{fmt.Errorf("the Content-Type is %q and not application/json", header.Get("Content-Type"))}
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return []error{fmt.Errorf("the body is not JSON: %w", err)}
	}
	if object, ok := value.(map[string]any); ok {
		// An answer mixes control information with its properties (OData JSON Format 4.5.1).
		delete(object, "@odata.context")
	}
	return c.checkValue(declared.Get("application/json").Schema, value)
}

// checkValue holds a body against its schema. Where the contract says directoryObject, the object's own @odata.type
// tells what it is.
func (c *Contract) checkValue(schema *openapi3.SchemaRef, value any) []error {
	object, _ := value.(map[string]any)
	if c.isObject(schema) {
		name, _ := object["@odata.type"].(string)
		actual, known := c.types[name]
		if !known || c.isObject(actual) {
			return []error{fmt.Errorf("@odata.type is %q, which is not a type of directory object", name)}
		}
		return visit(actual.Value, value)
	}
	elements := schema.Value.Properties["value"]
	if elements == nil || !elements.Value.Type.Is("array") || !c.isObject(elements.Value.Items) {
		return visit(schema.Value, value)
	}
	list, _ := object["value"].([]any)
	var errs []error
	for _, element := range list {
		errs = append(errs, c.checkValue(elements.Value.Items, element)...)
	}
	object["value"] = []any{}
	return append(errs, visit(schema.Value, value)...)
}

func (c *Contract) isObject(schema *openapi3.SchemaRef) bool {
	return c.object != nil && schema.Value == c.object.Value
}

// visit returns one error for each place of a value that the schema does not allow.
func visit(schema *openapi3.Schema, value any) []error {
	err := schema.VisitJSON(value, openapi3.MultiErrors(), openapi3.EnableFormatValidation())
	if err == nil {
		return nil
	}
	var errs []error
	for _, one := range flatten(err) {
		if at, ok := errors.AsType[*openapi3.SchemaError](one); ok {
			one = fmt.Errorf("/%s: %s", strings.Join(at.JSONPointer(), "/"), at.Reason)
		}
		errs = append(errs, one)
	}
	return errs
}

func flatten(err error) []error {
	several, ok := err.(openapi3.MultiError) //nolint:errorlint // it is what VisitJSON returns, never wrapped
	if !ok {
		return []error{err}
	}
	var all []error
	for _, one := range several {
		all = append(all, flatten(one)...)
	}
	return all
}
