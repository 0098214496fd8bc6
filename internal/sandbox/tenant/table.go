package tenant

import "time"

// View is the moment as of which a read is answered. The present one sees every write.
type View struct {
	AsOf    time.Time
	gone    time.Time // as of which deletions are seen: no later than AsOf
	replica int       // whose view it is, from 1; 0: replicas make no difference
}

// AsOf sees everything that was written until then.
func AsOf(t time.Time) View { return View{AsOf: t, gone: t} }

// endOfTime is later than every write.
var endOfTime = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)

// Present is the view that sees every write.
func Present() View { return AsOf(endOfTime) }

// Table keeps every version of its rows in the order of writing.
type Table[T any] struct {
	order []string // row IDs in the order of creation, for stable paging
	rows  map[string][]version[T]
	// wrote is told of each write: the row before, nil where there was none, and after, nil where it was removed. It may
	// be nil.
	wrote func(id string, before, after *T)
}

type version[T any] struct {
	at      time.Time
	value   T
	deleted bool
}

// Get returns the row as it was at the view's moment. Values are copies of the top level only: change a row by Put.
func (t *Table[T]) Get(v View, id string) (T, bool) {
	var none T
	versions := t.rows[id]
	for i := len(versions) - 1; i >= 0; i-- {
		switch written := versions[i]; {
		case written.deleted && !written.at.After(v.gone):
			return none, false
		case !written.deleted && !written.at.After(v.AsOf):
			return written.value, true
		}
	}
	return none, false
}

// List returns the rows of the view's moment for which keep answers true, in the order of their creation.
func (t *Table[T]) List(v View, keep func(T) bool) []T {
	found := make([]T, 0, len(t.order))
	for _, id := range t.order {
		if row, ok := t.Get(v, id); ok && (keep == nil || keep(row)) {
			found = append(found, row)
		}
	}
	return found
}

// First returns the oldest row of the view's moment for which is answers true.
func (t *Table[T]) First(v View, is func(T) bool) (T, bool) {
	var none T
	for _, id := range t.order {
		if row, ok := t.Get(v, id); ok && is(row) {
			return row, true
		}
	}
	return none, false
}

// Put writes a version of a row.
func (t *Table[T]) Put(at time.Time, id string, row T) {
	t.tell(id, &row)
	if t.rows == nil {
		t.rows = map[string][]version[T]{}
	}
	if _, known := t.rows[id]; !known {
		t.order = append(t.order, id)
	}
	t.rows[id] = append(t.rows[id], version[T]{at: at, value: row})
}

// Remove writes that a row is deleted from then on.
func (t *Table[T]) Remove(at time.Time, id string) {
	if versions, known := t.rows[id]; known {
		t.tell(id, nil)
		t.rows[id] = append(versions, version[T]{at: at, deleted: true})
	}
}

// tell tells wrote of a write that is about to be made.
func (t *Table[T]) tell(id string, after *T) {
	if t.wrote == nil {
		return
	}
	if before, there := t.Get(Present(), id); there {
		t.wrote(id, &before, after)
	} else {
		t.wrote(id, nil, after)
	}
}
