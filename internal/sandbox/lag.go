package sandbox

import (
	"net/http"
	"time"
)

// views are the moments as of which one request sees the tenant.
type views struct {
	reads  view // objects that are found by their keys
	lists  view // collections: the index behind them is another store, which can lag further behind
	refers view // what a write needs to find: the object that it changes, and those that it refers to
}

// viewsOf says as of when a request is answered.
func (s *Server) viewsOf(r *http.Request) views {
	seen := asOf(endOfTime)
	if by := staleBy(r); by > 0 {
		seen = asOf(s.now().Add(-by))
	}
	return views{seen, seen, seen}
}

// asOf sees everything that was written until then.
func asOf(t time.Time) view { return view{t} }

// knows tells whether whoever carries a request out has the object already. A read is told by its view; an upsert by a
// unique property looks it up where nothing lags, or it would be no safe way to create (unconfirmed).
func knows[T any](c *call, rows *table[T], id string) bool {
	if c.r.Method == http.MethodGet || c.prefersUpsert() {
		return true
	}
	_, found := rows.get(c.refers, id)
	return found
}
