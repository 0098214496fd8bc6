package exchange

import (
	"net/http"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/token"
)

// notedAnswer is an answer whose error is noted for the log.
type notedAnswer struct {
	http.ResponseWriter
	notes *tenant.Notes
}

// Unwrap gives http.ResponseController what is below.
func (a notedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// noted notes who asks which tenant, and later the error of the answer.
func (a *API) noted(w http.ResponseWriter, r *http.Request, t *tenant.Tenant,
	token *token.AccessToken) http.ResponseWriter {
	tenant.NoteTenant(r, t.ID)
	notes := tenant.NotesOf(r)
	notes.Caller = token.Asker()
	return notedAnswer{w, notes}
}

// noteCode notes the error of an answer.
func noteCode(w http.ResponseWriter, code string) {
	if answer, ok := w.(notedAnswer); ok {
		answer.notes.Code = code
	}
}
