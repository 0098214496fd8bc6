package tenant

import (
	"context"
	"net/http"
)

// What travels with a request, from the middleware to the API that serves it, and back to the log.
type (
	bypassKey struct{}
	staleKey  struct{}
	notesKey  struct{}
)

// WithBypass marks a request that meets no fault, sees every write and counts for no quota, whatever the profile.
func WithBypass(ctx context.Context) context.Context {
	return context.WithValue(ctx, bypassKey{}, true)
}

// Bypasses reports whether WithBypass marked the request.
func Bypasses(r *http.Request) bool { return r.Context().Value(bypassKey{}) != nil }

// WithStaleView has a request answered from what look returns of a tenant.
func WithStaleView(ctx context.Context, look func(*Tenant) View) context.Context {
	return context.WithValue(ctx, staleKey{}, look)
}

// staleView returns what the request sees of a tenant, if WithStaleView has set that.
func staleView(r *http.Request) (look func(*Tenant) View, set bool) {
	look, set = r.Context().Value(staleKey{}).(func(*Tenant) View)
	return look, set
}

// Notes are what the API that serves a request tells the log about it.
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

// WithNotes has NoteTenant and NoteParts write into notes.
func WithNotes(ctx context.Context, notes *Notes) context.Context {
	return context.WithValue(ctx, notesKey{}, notes)
}

// NoteTenant tells the log which tenant a request is about.
func NoteTenant(r *http.Request, tenantID string) {
	if notes, ok := r.Context().Value(notesKey{}).(*Notes); ok {
		notes.TenantID = tenantID
	}
}

// NoteParts tells the log what is in a batch.
func NoteParts(r *http.Request, parts []Part) {
	if notes, ok := r.Context().Value(notesKey{}).(*Notes); ok {
		notes.Parts = parts
	}
}
