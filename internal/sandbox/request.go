package sandbox

import "net/http"

type staleKey struct{}

// stale returns what the request sees of a tenant, if a fault has set that.
func stale(r *http.Request) (look func(*Tenant) view, set bool) {
	look, set = r.Context().Value(staleKey{}).(func(*Tenant) view)
	return look, set
}

type calmKey struct{}

func isCalm(r *http.Request) bool { return r.Context().Value(calmKey{}) != nil }

// Part is one request of a batch.
type Part struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Status int    `json:"status"`
}

type logLineKey struct{}

// noteTenant tells the log which tenant a request was about.
func noteTenant(r *http.Request, tenantID string) {
	if line, ok := r.Context().Value(logLineKey{}).(*Request); ok {
		line.TenantID = tenantID
	}
}

// noteParts tells the log what was in a batch.
func noteParts(r *http.Request, parts []Part) {
	if line, ok := r.Context().Value(logLineKey{}).(*Request); ok {
		line.Parts = parts
	}
}
