package exchange

import (
	"io"
	"net/http"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// answerOutage answers a request that meets an outage, unless that is a silent one.
func answerOutage(w http.ResponseWriter, e tenant.Outage) {
	switch {
	case e.Code != "":
		writeEWSFault(w, e.Status, ewsFault{Code: e.Code, Message: "The sandbox was told to answer so."})
	case e.Status == http.StatusUnauthorized:
		refuseEWSToken(w)
	case e.Reason != "":
		w.Header().Set("X-EWS-Policy-Reason", e.Reason)
		w.WriteHeader(e.Status)
	default:
		w.WriteHeader(e.Status)
		_, _ = io.WriteString(w, e.Page)
	}
}
