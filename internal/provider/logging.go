package provider

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
)

// QuietLibraries switches the log of the plugin libraries off where nobody has asked Terraform for one. They write a
// trace of every call to Terraform all the same, which reads and drops it: a fifth of the provider's time, and as much
// of Terraform's. It is for a provider's own process, before it serves (terraform-plugin-log: environment variables).
func QuietLibraries(environment []string, setenv func(name, value string) error) error {
	for _, variable := range environment {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "TF_LOG") && value != "" {
			return nil
		}
	}
	return errors.Join(setenv("TF_LOG_SDK", "OFF"), setenv("TF_LOG_PROVIDER_CODETWO", "OFF"))
}

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
		"method": request.Method, "host": request.URL.Host, "path": request.URL.Path,
		"ms": l.now().Sub(started).Milliseconds(),
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
