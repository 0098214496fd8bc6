package sandbox

import (
	"context"
	"net/http"
)

// What travels with a request, from those before the APIs to whoever serves it, and back to the log.
type (
	bypassKey struct{}
	staleKey  struct{}
	notesKey  struct{}
)

// withBypass marks a request that sees every write and counts for no quota, whatever the profile.
func withBypass(ctx context.Context) context.Context {
	return context.WithValue(ctx, bypassKey{}, true)
}

// bypasses reports whether withBypass marked the request.
func bypasses(r *http.Request) bool { return r.Context().Value(bypassKey{}) != nil }

// withStaleView has a request answered from what look returns of a tenant.
func withStaleView(ctx context.Context, look func(*Tenant) view) context.Context {
	return context.WithValue(ctx, staleKey{}, look)
}

// stale returns what the request sees of a tenant, if withStaleView has set that.
func stale(r *http.Request) (look func(*Tenant) view, set bool) {
	look, set = r.Context().Value(staleKey{}).(func(*Tenant) view)
	return look, set
}

// Notes are what those who serve a request say of it for the log.
type Notes struct {
	TenantID string
	Parts    []Part // of a batch
}

// Part is one request of a batch.
type Part struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Status int    `json:"status"`
}

// withNotes has noteTenant and noteParts write into notes.
func withNotes(ctx context.Context, notes *Notes) context.Context {
	return context.WithValue(ctx, notesKey{}, notes)
}

// noteTenant tells the log which tenant a request is about.
func noteTenant(r *http.Request, tenantID string) {
	if notes, ok := r.Context().Value(notesKey{}).(*Notes); ok {
		notes.TenantID = tenantID
	}
}

// noteParts tells the log what is in a batch.
func noteParts(r *http.Request, parts []Part) {
	if notes, ok := r.Context().Value(notesKey{}).(*Notes); ok {
		notes.Parts = parts
	}
}
