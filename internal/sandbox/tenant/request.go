package tenant

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
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

// Notes are what the APIs that serve a request tell the log about it. Nothing in them is a secret, and nothing is taken
// from a body except names.
type Notes struct {
	TenantID string  `json:"tenant_id,omitempty"`
	Caller   *Asker  `json:"caller,omitempty"`   // nil: nobody signed in
	Meaning  string  `json:"meaning,omitempty"`  // what the request asks for, such as "change application"
	Code     string  `json:"code,omitempty"`     // of the error that it was answered with
	Fault    string  `json:"fault,omitempty"`    // the kind of fault that it met
	Bypass   bool    `json:"bypass,omitempty"`   // the request was exempt from faults and lag
	Injected bool    `json:"injected,omitempty"` // the fault was injected, and not met by chance
	Views    []Seen  `json:"views,omitempty"`    // what was not read as of the present
	Writes   []Write `json:"writes,omitempty"`
	Parts    []Part  `json:"parts,omitempty"` // of a batch
}

// Asker is who asks: an application, by its presence in the tenant.
type Asker struct {
	Name     string `json:"name,omitempty"`
	ClientID string `json:"client_id"`
	ObjectID string `json:"object_id,omitempty"` // of the service principal
}

// Seen is a moment of the past as of which a request was answered.
type Seen struct {
	Of      string    `json:"of"`                // objects, lists, references, credentials or consents
	Replica int       `json:"replica,omitempty"` // that answered, from 1; 0: replicas make no difference
	AsOf    time.Time `json:"as_of"`
	Millis  float64   `json:"age_ms"` // how long ago that was, on this machine's clock
}

// Part is one request of a batch.
type Part struct {
	Method          string `json:"method"`
	Path            string `json:"path"`
	Status          int    `json:"status"` // 0: the connection of the batch ended first
	ClientRequestID string `json:"client_request_id,omitempty"`
	Notes
}

// WithNotes has NotesOf return these notes.
func WithNotes(ctx context.Context, notes *Notes) context.Context {
	return context.WithValue(ctx, notesKey{}, notes)
}

// NotesOf returns the notes on a request, to be added to. Those on a request that is not logged are lost.
func NotesOf(r *http.Request) *Notes {
	if notes, ok := r.Context().Value(notesKey{}).(*Notes); ok {
		return notes
	}
	return &Notes{}
}

// NoteTenant notes which tenant a request is about.
func NoteTenant(r *http.Request, tenantID string) { NotesOf(r).TenantID = tenantID }

// RequestID returns a client-request-id if it is what Graph takes for one, a GUID. Anything else could be anything.
func RequestID(given string) string {
	if uuid.Validate(given) != nil {
		return ""
	}
	return given
}

// secretParameters are the names of what is secret in the query of a request whose client should have put it elsewhere.
var secretParameters = []string{"access_token", "assertion", "client_assertion", "client_secret", "code", "password",
	"refresh_token"}

// LoggedPath is the path of a request with its query, as it is logged: without the values that are secret.
func LoggedPath(uri string) string {
	path, query, has := strings.Cut(uri, "?")
	if !has {
		return path
	}
	parameters := strings.Split(query, "&")
	for i, parameter := range parameters {
		escaped, _, _ := strings.Cut(parameter, "=")
		name, err := url.QueryUnescape(escaped)
		if err == nil && slices.Contains(secretParameters, strings.ToLower(name)) {
			parameters[i] = escaped + "=…"
		}
	}
	return path + "?" + strings.Join(parameters, "&")
}

// NoteView notes as of which moment the request is answered, unless that is the present.
func (w *World) NoteView(r *http.Request, of string, v View) {
	if age := w.Now().Sub(v.AsOf); age > 0 {
		notes := NotesOf(r)
		notes.Views = append(notes.Views, Seen{
			Of: of, Replica: v.replica, AsOf: v.AsOf.UTC(), Millis: float64(age.Microseconds()) / 1000,
		})
	}
}
