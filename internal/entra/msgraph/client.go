// Package msgraph reads and writes a tenant's directory through Microsoft Graph, with Microsoft's SDK. It is the only
// package that knows the SDK, and it keeps to the SDK's models and their wire form: transport, retries, errors and
// authentication are its own, because the SDK's default middleware replays writes, runs in an order that differs from
// process to process, and sends a request to an unknown host without its token instead of refusing it.
package msgraph

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"golang.org/x/sync/semaphore"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// Config says which directory to speak to, and as whom.
type Config struct {
	Origin  string                                    // https origin of Microsoft Graph, without a path
	Client  *http.Client                              // its transport, which must be set, carries the requests; nothing else of it is used
	Token   func(ctx context.Context) (string, error) // an access token for Microsoft Graph in the tenant meant
	Forget  func(refused string)                      // drops a token that Graph refused with HTTP 401, so that Token gives another one; nil: a refused token is final
	Retries retry.Policy                              // Limit 0: six times
}

// New returns the directory. No request is made before the first call.
func New(config Config) entra.Directory {
	config.Retries.Limit = cmp.Or(config.Retries.Limit, repetitions)
	return &directory{Config: config, base: config.Origin + "/v1.0", asking: semaphore.NewWeighted(1), resources: map[string]entra.ResourceApplication{}}
}

// directory implements entra.Directory.
type directory struct {
	Config
	base string // origin and version, without a slash at its end

	asking    *semaphore.Weighted                  // held while an API is asked for
	resources map[string]entra.ResourceApplication // by app ID, as far as they were asked for; guarded by asking
}

// parameters fill a URI template (RFC 6570). Simple expansion encodes whatever is reserved in them.
type parameters map[string]string

// request builds a request from a URI template below the base. The SDK's request builders would add minutes of compile
// time and megabytes to say the same, and cannot be put into a batch without being taken apart again.
func (d *directory) request(method abstractions.HttpMethod, template string, values parameters) *abstractions.RequestInformation {
	all := map[string]string{"baseurl": d.base}
	maps.Copy(all, values)
	request := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(method, "{+baseurl}"+template, all)
	request.Headers.TryAdd("Accept", "application/json")
	return request
}

// get builds a reading request.
func (d *directory) get(template string, values parameters) part {
	return part{request: d.request(abstractions.GET, template, values), repeat: true}
}

// quoted writes a text as an OData string literal.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
