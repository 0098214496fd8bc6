package provider

import (
	"net/http"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
)

// logging writes a line per request to Terraform's log, at level debug. Headers, bodies and queries stay out of it:
// tokens and secrets travel in them.
type logging struct {
	next http.RoundTripper
	now  func() time.Time
}

// RoundTrip implements http.RoundTripper.
func (l *logging) RoundTrip(request *http.Request) (*http.Response, error) {
	started := l.now()
	response, err := l.next.RoundTrip(request)
	fields := map[string]any{
		"method": request.Method, "host": request.URL.Host, "path": request.URL.Path, "ms": l.now().Sub(started).Milliseconds(),
	}
	if err != nil {
		fields["error"] = err.Error()
		tflog.Debug(request.Context(), "Request without an answer", fields)
		return response, err
	}
	fields["status"] = response.StatusCode
	for _, header := range []string{"request-id", "x-ms-request-id"} {
		if id := response.Header.Get(header); id != "" {
			fields["request_id"] = id
			break
		}
	}
	tflog.Debug(request.Context(), "Request", fields)
	return response, nil
}
