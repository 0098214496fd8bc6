package graph

import (
	"errors"
	"net/http"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/odata"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// collection is what a request lists.
type collection struct {
	context    string // as in @odata.context, such as applications
	schema     object // any entity with all of its properties, for their names
	filterable []string
	sortable   []string
	searchable []string
	contains   bool // the filter function contains is supported
	rows       func(tenant.View) []object
	shown      func(object) object // what the caller is shown of a row; nil for all of it
}

// many answers with the page of a collection that the query asks for.
func (c *call) many(of collection) *apiError {
	err := c.query.Check(odata.Collection{
		Name: of.context, Schema: of.schema, Filterable: of.filterable, Sortable: of.sortable, Searchable: of.searchable,
		Contains: of.contains,
	})
	if err != nil {
		return queryRefusal(err)
	}
	seen := c.Lists
	tenant.NotesOf(c.r).Views = nil // a list is not what the object's replica alone shows
	c.api.world.NoteView(c.r, "lists", seen)
	from := odata.PageToken{AsOf: c.api.world.Now()}
	if seen.AsOf.Before(from.AsOf) {
		from.AsOf = seen.AsOf
	}
	if c.query.After != nil {
		from, seen = *c.query.After, tenant.AsOf(c.query.After.AsOf)
	}
	rows := c.query.Apply(of.rows(seen))
	page, next := c.query.Page(rows, from)
	body := object{}
	if next != nil {
		body["@odata.nextLink"] = c.nextLink(*next)
	}
	if c.query.Count {
		body["@odata.count"] = len(rows)
	}
	body["@odata.context"] = c.link("$metadata#%s", c.query.Context(of.context))
	body["value"] = tenant.Mapped(page, func(row object) object {
		if of.shown != nil {
			row = of.shown(row)
		}
		return c.query.Reduced(row)
	})
	return c.write(http.StatusOK, body)
}

func (c *call) nextLink(next odata.PageToken) string {
	values := c.r.URL.Query()
	values.Del("skiptoken")
	values.Set("$skiptoken", next.String())
	return c.api.origin + c.r.URL.EscapedPath() + "?" + values.Encode()
}

// queryRefusal is Graph's answer to a query that is not understood or not supported.
func queryRefusal(err error) *apiError {
	var misspelt *odata.SyntaxError
	switch {
	case errors.Is(err, odata.ErrPageToken):
		return refuse("Directory_ExpiredPageToken",
			"The specified page token value has expired and can no longer be included in your request.")
	case errors.As(err, &misspelt):
		return refuse(badSyntax, "%s", err)
	default:
		return refuse(unsupportedQuery, "%s", err)
	}
}
