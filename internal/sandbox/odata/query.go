// Package odata parses OData query options and applies them to entity lists, supporting what Microsoft Graph's
// directory endpoints support: $select, $filter, $search, $orderby, $top, $count and $skiptoken.
package odata

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Object is an entity as it goes out.
type Object = map[string]any

// SyntaxError is why a query is not understood, in Graph's words.
type SyntaxError struct{ text string }

// Error implements error.
func (e *SyntaxError) Error() string { return e.text }

// UnsupportedError is why the directory does not answer a query, in Graph's words.
type UnsupportedError struct{ text string }

// Error implements error.
func (e *UnsupportedError) Error() string { return e.text }

// ErrPageToken is returned for a page token that no answer had.
var ErrPageToken = errors.New("the page token is unknown")

func misspelt(format string, particulars ...any) error {
	return &SyntaxError{fmt.Sprintf(format, particulars...)}
}

func unsupported(format string, particulars ...any) error {
	return &UnsupportedError{fmt.Sprintf(format, particulars...)}
}

// Query is what a request asks for besides the path (Microsoft Graph: query parameters; advanced query capabilities
// on directory objects).
type Query struct {
	Selected []string   // properties; none: all
	Top      int        // $top; 0: not given
	Count    bool       // $count
	After    *PageToken // $skiptoken; nil: the first page

	filter    *filter
	search    string
	orderBy   string
	ascending bool
	eventual  bool // the header ConsistencyLevel: eventual
}

// PageToken continues a list as of the moment at which its first page was read, so that what is written in between
// moves no row from one page to another.
type PageToken struct {
	AsOf time.Time
	skip int
}

func (p PageToken) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", p.AsOf.UnixNano(), p.skip))
}

func parsePageToken(text string) (*PageToken, error) {
	content, err := base64.RawURLEncoding.DecodeString(text)
	var nanoseconds int64
	var p PageToken
	if err == nil {
		_, err = fmt.Sscanf(string(content), "%d.%d", &nanoseconds, &p.skip)
	}
	if err != nil || p.skip < 0 {
		return nil, ErrPageToken
	}
	p.AsOf = time.Unix(0, nanoseconds)
	return &p, nil
}

const (
	defaultPage = 100
	largestPage = 999
)

// Parse reads the query options of a request. The error is a *SyntaxError, an *UnsupportedError, or ErrPageToken.
func Parse(r *http.Request) (Query, error) {
	q := Query{eventual: strings.EqualFold(r.Header.Get("ConsistencyLevel"), "eventual"), ascending: true}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, misspelt("Bad Request - Error in query syntax.")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := q.set(strings.TrimPrefix(name, "$"), values.Get(name)); err != nil {
			return q, err
		}
	}
	return q, q.checkAdvanced()
}

func (q *Query) set(name, value string) (err error) {
	switch strings.ToLower(name) {
	case "select":
		for _, property := range strings.Split(value, ",") {
			q.Selected = append(q.Selected, strings.TrimSpace(property))
		}
	case "filter":
		q.filter, err = parseFilter(value)
	case "search":
		q.search = value
	case "orderby":
		property, direction, _ := strings.Cut(strings.TrimSpace(value), " ")
		if direction = strings.TrimSpace(direction); direction != "" && direction != "asc" && direction != "desc" ||
			strings.Contains(property, ",") {
			return unsupported("Unsupported sort specified: '%s'.", value)
		}
		q.orderBy, q.ascending = property, direction != "desc"
	case "top":
		q.Top, _ = strconv.Atoi(value)
		if q.Top < 1 || q.Top > largestPage {
			return unsupported("Invalid page size specified: '%s'. Must be between 1 and 999 inclusive.", value)
		}
	case "count":
		q.Count = value == "true"
	case "skiptoken":
		q.After, err = parsePageToken(value)
	default: // $expand and $skip among them
		return unsupported("The query parameter '%s' is not supported by this sandbox.", name)
	}
	return err
}

// checkAdvanced refuses what the directory does only with ConsistencyLevel: eventual, and mostly with $count=true too.
// The texts for all but $search are unconfirmed.
func (q *Query) checkAdvanced() error {
	const header = "with a special request header: 'ConsistencyLevel: eventual'"
	switch {
	case q.search != "" && !q.eventual:
		return unsupported("Request with $search query parameter only works through MSGraph %s", header)
	case q.Count && !q.eventual:
		return unsupported("Request with $count query parameter only works through MSGraph %s", header)
	case q.orderBy != "" && q.filter != nil && !(q.eventual && q.Count):
		return unsupported("Sorting not supported for current query.")
	case q.filter != nil && q.filter.advanced != "" && !(q.eventual && q.Count):
		return unsupported("Operator '%s' is only supported with $count=true and %s", q.filter.advanced, header)
	}
	return nil
}

// CheckSelected refuses a property that an entity does not have.
func (q *Query) CheckSelected(selectable Object) error {
	for _, property := range q.Selected {
		if _, known := selectable[property]; !known && property != "*" {
			return misspelt("Parsing OData Select and Expand failed: Could not find a property named '%s'.", property)
		}
	}
	return nil
}

// Reduced keeps what was selected, and the type of an object that may be of several (OData JSON Format 4.01, 4.6.3).
func (q *Query) Reduced(entity Object) Object {
	if len(q.Selected) == 0 || slices.Contains(q.Selected, "*") {
		return entity
	}
	kept := Object{}
	if name, typed := entity["@odata.type"]; typed {
		kept["@odata.type"] = name
	}
	for _, property := range q.Selected {
		if value, ok := entity[property]; ok {
			kept[property] = value
		}
	}
	return kept
}

// Collection is what can be asked of a list.
type Collection struct {
	Name       string // as in @odata.context, such as applications
	Schema     Object // any entity with all of its properties, for their names
	Filterable []string
	Sortable   []string
	Searchable []string
	Contains   bool // whether the filter function contains is supported
}

// Check refuses what the collection's index does not do.
func (q *Query) Check(of Collection) error {
	if err := q.CheckSelected(of.Schema); err != nil {
		return err
	}
	if q.filter != nil {
		if q.filter.contains && !of.Contains {
			return unsupported("Unsupported or invalid query filter clause specified: contains is not supported for '%s'.",
				of.Name)
		}
		for _, property := range q.filter.properties {
			if _, known := of.Schema[property]; !known {
				return misspelt("Invalid filter clause: Could not find a property named '%s'.", property)
			}
			if !slices.Contains(of.Filterable, property) {
				return unsupported("Unsupported or invalid query filter clause specified for property '%s' of resource '%s'.",
					property, of.Name)
			}
		}
	}
	if q.orderBy != "" && !slices.Contains(of.Sortable, q.orderBy) {
		return unsupported("Unsupported sort property '%s' for '%s'.", q.orderBy, of.Name)
	}
	if q.search != "" {
		property, _, _ := strings.Cut(strings.Trim(q.search, `"`), ":")
		if !slices.Contains(of.Searchable, property) {
			return unsupported("Unsupported $search clause '%s' for '%s'.", q.search, of.Name)
		}
	}
	return nil
}

// Apply returns the rows that the query finds, in its order.
func (q *Query) Apply(rows []Object) []Object {
	if q.filter == nil && q.search == "" && q.orderBy == "" {
		return rows
	}
	type keyed struct {
		row  Object
		sort string
	}
	var kept []keyed
	for _, row := range rows {
		plain := plainValues(row)
		if (q.filter == nil || q.filter.holds(plain)) && (q.search == "" || q.finds(plain)) {
			kept = append(kept, keyed{row, strings.ToLower(fmt.Sprint(plain[q.orderBy]))})
		}
	}
	if q.orderBy != "" {
		slices.SortStableFunc(kept, func(a, b keyed) int {
			if q.ascending {
				return strings.Compare(a.sort, b.sort)
			}
			return strings.Compare(b.sort, a.sort)
		})
	}
	found := make([]Object, len(kept))
	for i, k := range kept {
		found[i] = k.row
	}
	return found
}

// Page returns the rows of the page that begins at a token, and the token of the next page, if there is one.
func (q *Query) Page(rows []Object, from PageToken) (page []Object, next *PageToken) {
	rows = rows[min(from.skip, len(rows)):]
	size := cmp.Or(q.Top, defaultPage)
	if len(rows) <= size {
		return rows, nil
	}
	return rows[:size], &PageToken{from.AsOf, from.skip + size}
}

// Context names the selected properties in an @odata.context.
func (q *Query) Context(of string) string {
	if len(q.Selected) == 0 {
		return of
	}
	return of + "(" + strings.Join(q.Selected, ",") + ")"
}

// finds applies $search="property:text": every word of the text must begin a word of the property.
func (q *Query) finds(row Object) bool {
	property, wanted, _ := strings.Cut(strings.Trim(q.search, `"`), ":")
	value, _ := row[property].(string)
	words := strings.Fields(strings.ToLower(value))
	for _, want := range strings.Fields(strings.ToLower(wanted)) {
		if !slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, want) }) {
			return false
		}
	}
	return true
}

// plainValues turns an entity into the values that JSON has, so that every value has one of six types.
func plainValues(entity Object) Object {
	content, err := json.Marshal(entity)
	if err != nil {
		panic(fmt.Sprintf("an entity of the sandbox has no form in JSON: %v", err))
	}
	var plain Object
	_ = json.Unmarshal(content, &plain) // what was just written can be read
	return plain
}
