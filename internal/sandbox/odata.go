package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// query is what a request asks for besides the path (Microsoft Graph: query parameters; advanced query capabilities
// on directory objects).
type query struct {
	selected  []string
	filter    *filter
	search    string
	orderBy   string
	ascending bool
	top       int // 0: not given
	count     bool
	after     *pageToken
	eventual  bool // the header ConsistencyLevel: eventual
}

// pageToken continues a list as of the moment at which its first page was read, so that what is written in between
// moves no row from one page to another.
type pageToken struct {
	asOf time.Time
	skip int
}

func (p pageToken) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", p.asOf.UnixNano(), p.skip))
}

func parsePageToken(text string) (*pageToken, *graphError) {
	content, err := base64.RawURLEncoding.DecodeString(text)
	var nanoseconds int64
	var p pageToken
	if err == nil {
		_, err = fmt.Sscanf(string(content), "%d.%d", &nanoseconds, &p.skip)
	}
	if err != nil || p.skip < 0 {
		return nil, refuse("Directory_ExpiredPageToken", "The specified page token value has expired and can no longer be included in your request.")
	}
	p.asOf = time.Unix(0, nanoseconds)
	return &p, nil
}

const (
	defaultPage = 100
	largestPage = 999
)

func parseQuery(r *http.Request) (query, *graphError) {
	q := query{eventual: strings.EqualFold(r.Header.Get("ConsistencyLevel"), "eventual"), ascending: true}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, refuse(badSyntax, "Bad Request - Error in query syntax.")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if failure := q.set(strings.TrimPrefix(name, "$"), values.Get(name)); failure != nil {
			return q, failure
		}
	}
	return q, q.checkAdvanced()
}

func (q *query) set(name, value string) (failure *graphError) {
	switch strings.ToLower(name) {
	case "select":
		for _, property := range strings.Split(value, ",") {
			q.selected = append(q.selected, strings.TrimSpace(property))
		}
	case "filter":
		q.filter, failure = parseFilter(value)
	case "search":
		q.search = value
	case "orderby":
		property, direction, _ := strings.Cut(strings.TrimSpace(value), " ")
		if direction = strings.TrimSpace(direction); direction != "" && direction != "asc" && direction != "desc" || strings.Contains(property, ",") {
			return refuse(unsupportedQuery, "Unsupported sort specified: '%s'.", value)
		}
		q.orderBy, q.ascending = property, direction != "desc"
	case "top":
		q.top, _ = strconv.Atoi(value)
		if q.top < 1 || q.top > largestPage {
			return refuse(unsupportedQuery, "Invalid page size specified: '%s'. Must be between 1 and 999 inclusive.", value)
		}
	case "count":
		q.count = value == "true"
	case "skiptoken":
		q.after, failure = parsePageToken(value)
	default: // $expand and $skip among them
		return refuse(unsupportedQuery, "The query parameter '%s' is not supported by this sandbox.", name)
	}
	return failure
}

// checkAdvanced refuses what the directory does only with ConsistencyLevel: eventual, and mostly with $count=true too.
// The texts for all but $search are unconfirmed.
func (q *query) checkAdvanced() *graphError {
	const header = "with a special request header: 'ConsistencyLevel: eventual'"
	switch {
	case q.search != "" && !q.eventual:
		return refuse(unsupportedQuery, "Request with $search query parameter only works through MSGraph %s", header)
	case q.count && !q.eventual:
		return refuse(unsupportedQuery, "Request with $count query parameter only works through MSGraph %s", header)
	case q.orderBy != "" && q.filter != nil && !(q.eventual && q.count):
		return refuse(unsupportedQuery, "Sorting not supported for current query.")
	case q.filter != nil && q.filter.advanced != "" && !(q.eventual && q.count):
		return refuse(unsupportedQuery, "Operator '%s' is only supported with $count=true and %s", q.filter.advanced, header)
	}
	return nil
}

// checkSelected refuses a property that an entity does not have.
func (q *query) checkSelected(selectable object) *graphError {
	for _, property := range q.selected {
		if _, known := selectable[property]; !known && property != "*" {
			return refuse(badSyntax, "Parsing OData Select and Expand failed: Could not find a property named '%s'.", property)
		}
	}
	return nil
}

// reduced keeps what was selected.
func (q *query) reduced(entity object) object {
	if len(q.selected) == 0 || slices.Contains(q.selected, "*") {
		return entity
	}
	kept := object{}
	for _, property := range q.selected {
		if value, ok := entity[property]; ok {
			kept[property] = value
		}
	}
	return kept
}

// collection is what a request lists.
type collection struct {
	context    string // as in @odata.context, such as applications
	schema     object // any entity with all of its properties, for their names
	filterable []string
	sortable   []string
	searchable []string
	rows       func(view) []object
	shown      func(object) object // what the caller is shown of a row; nil for all of it
}

// many answers with the page of a collection that the query asks for.
func (c *call) many(of collection) *graphError {
	if failure := c.query.check(of); failure != nil {
		return failure
	}
	seen := c.lists
	page := pageToken{asOf: c.api.world.now()}
	if seen.asOf.Before(page.asOf) {
		page.asOf = seen.asOf
	}
	if c.query.after != nil {
		page, seen = *c.query.after, asOf(c.query.after.asOf)
	}
	rows := c.query.apply(of.rows(seen))
	total := len(rows)
	rows = rows[min(page.skip, total):]
	size := defaultPage
	if c.query.top > 0 {
		size = c.query.top
	}
	body := object{}
	if len(rows) > size {
		rows = rows[:size]
		body["@odata.nextLink"] = c.nextLink(pageToken{page.asOf, page.skip + size})
	}
	if c.query.count {
		body["@odata.count"] = total
	}
	context := of.context
	if len(c.query.selected) > 0 {
		context += "(" + strings.Join(c.query.selected, ",") + ")"
	}
	body["@odata.context"] = c.link("$metadata#%s", context)
	body["value"] = mapped(rows, func(row object) object {
		if of.shown != nil {
			row = of.shown(row)
		}
		return c.query.reduced(row)
	})
	return c.write(http.StatusOK, body)
}

func (c *call) nextLink(next pageToken) string {
	values := c.r.URL.Query()
	values.Del("skiptoken")
	values.Set("$skiptoken", next.String())
	return c.api.origin + c.r.URL.EscapedPath() + "?" + values.Encode()
}

// check refuses what the collection's index does not do.
func (q *query) check(of collection) *graphError {
	if failure := q.checkSelected(of.schema); failure != nil {
		return failure
	}
	if q.filter != nil {
		for _, property := range q.filter.properties {
			if _, known := of.schema[property]; !known {
				return refuse(badSyntax, "Invalid filter clause: Could not find a property named '%s'.", property)
			}
			if !slices.Contains(of.filterable, property) {
				return refuse(unsupportedQuery, "Unsupported or invalid query filter clause specified for property '%s' of resource '%s'.", property, of.context)
			}
		}
	}
	if q.orderBy != "" && !slices.Contains(of.sortable, q.orderBy) {
		return refuse(unsupportedQuery, "Unsupported sort property '%s' for '%s'.", q.orderBy, of.context)
	}
	if q.search != "" {
		property, _, _ := strings.Cut(strings.Trim(q.search, `"`), ":")
		if !slices.Contains(of.searchable, property) {
			return refuse(unsupportedQuery, "Unsupported $search clause '%s' for '%s'.", q.search, of.context)
		}
	}
	return nil
}

func (q *query) apply(rows []object) []object {
	if q.filter == nil && q.search == "" && q.orderBy == "" {
		return rows
	}
	type keyed struct {
		row  object
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
	return mapped(kept, func(k keyed) object { return k.row })
}

// finds applies $search="property:text": every word of the text must begin a word of the property.
func (q *query) finds(row object) bool {
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

// plainValues turns an entity into what JSON makes of it, so that every value has one of six types.
func plainValues(entity object) object {
	content, err := json.Marshal(entity)
	if err != nil {
		panic(fmt.Sprintf("an entity of the sandbox has no form in JSON: %v", err))
	}
	var plain object
	_ = json.Unmarshal(content, &plain) // what was just written can be read
	return plain
}
