package odata

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"
)

func FuzzAnyQueryShowsEachOfItsRowsOnceOrIsRefused(f *testing.F) {
	token := PageToken{skip: 1}.String()
	for _, query := range []string{
		"", "$select=displayName,id", "$select=*", "$select=x", "$filter=displayName eq 'b'", "$filter=x eq 'b'",
		"$filter=id ge 2026-01-01T00:00:00Z", "$orderby=displayName desc", "$orderby=displayName up", "$orderby=id",
		"$orderby=displayName&$filter=id eq '1'&$count=true", "$search=\"displayName:b\"", "$search=id:1", "$top=1", "$top=0",
		"$top=1000", "$count=true", "$skiptoken=" + token, "$skiptoken=!", "$expand=owners", "top=2", "%zz", "a;b",
		"$filter=", "$search=displayName", "$filter=displayName ne 'a'&$count=true",
	} {
		f.Add(query, true)
		f.Add(query, false)
	}
	rows := []Object{{"id": "1", "displayName": "b c"}, {"id": "2", "displayName": "B"}, {"id": "3", "displayName": nil}}
	users := Collection{Name: "users", Schema: rows[0], Filterable: []string{"id", "displayName"},
		Sortable: []string{"displayName"}, Searchable: []string{"displayName"}}
	f.Fuzz(func(t *testing.T, text string, eventual bool) {
		request := &http.Request{URL: &url.URL{RawQuery: text}, Header: http.Header{}}
		if eventual {
			request.Header.Set("ConsistencyLevel", "eventual")
		}
		q, err := Parse(request)
		if err == nil {
			err = q.Check(users)
		}
		if err != nil {
			_, misspelt := errors.AsType[*SyntaxError](err)
			_, unsupported := errors.AsType[*UnsupportedError](err)
			if !misspelt && !unsupported && !errors.Is(err, ErrPageToken) {
				t.Errorf("%q: the error is %v", text, err)
			}
			return
		}
		checkPages(t, q, rows)
	})
}

// checkPages follows a list from its first page to its last.
func checkPages(t *testing.T, q Query, rows []Object) {
	t.Helper()
	found := q.Apply(rows)
	var shown []any
	for at := (&PageToken{AsOf: time.Unix(0, 1)}); at != nil; {
		page, next := q.Page(found, *at)
		if len(page) > max(q.Top, defaultPage) || q.Top > 0 && len(page) > q.Top {
			t.Fatalf("a page has %d rows", len(page))
		}
		for _, row := range page {
			if slices.Contains(shown, row["id"]) {
				t.Fatalf("the row %v is shown twice", row)
			}
			shown = append(shown, row["id"])
			for property := range q.Reduced(row) {
				if len(q.Selected) > 0 && !slices.Contains(q.Selected, property) && !slices.Contains(q.Selected, "*") {
					t.Errorf("%s is shown, and was not selected", property)
				}
			}
		}
		if at = next; at != nil {
			if again, err := parsePageToken(at.String()); err != nil || again.skip != at.skip || !again.AsOf.Equal(at.AsOf) {
				t.Fatalf("the token %s is read as %v (%v)", at, again, err)
			}
		}
	}
	if len(shown) != len(found) {
		t.Errorf("%d of %d rows are shown", len(shown), len(found))
	}
}
