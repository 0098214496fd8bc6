// Package msgraph reads and writes a tenant's directory through Microsoft Graph, with Microsoft's SDK. It is the only
// package that knows the SDK, and it keeps to the SDK's models and request adapter: transport, retries, errors and
// authentication are its own, because the SDK's default middleware replays writes, runs in an order that differs from
// process to process, and sends a request to an unknown host without its token instead of refusing it.
package msgraph

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	kiotahttp "github.com/microsoft/kiota-http-go"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/patience"
)

// Config says which directory to speak to, and as whom.
type Config struct {
	Origin string                                    // https origin of Microsoft Graph, without a path
	Client *http.Client                              // its transport, which must be set, carries the requests; nothing else of it is used
	Token  func(ctx context.Context) (string, error) // an access token for Microsoft Graph in the tenant meant
	Forget func(refused string)                      // drops a token that Graph refused with HTTP 401, so that Token gives another one; nil: a refused token is final
	Wait   patience.Wait                             // nil: a real timer
}

// New returns the directory. No request is made before the first call.
func New(config Config) entra.Directory {
	wait := config.Wait
	if wait == nil {
		wait = patience.Timer
	}
	base := config.Origin + "/v1.0"
	client := &http.Client{
		Transport:     &transport{next: config.Client.Transport, wait: wait, token: config.Token, forget: config.Forget},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	nodes := jsonserialization.NewJsonParseNodeFactory()
	adapter, err := kiotahttp.NewNetHttpRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		&authentication{origin: config.Origin, token: config.Token}, nodes, jsonserialization.NewJsonSerializationWriterFactory(), client)
	if err != nil { // documented for a nil argument only
		panic(fmt.Sprintf("msgraph: building the SDK's request adapter: %v", err))
	}
	adapter.SetBaseUrl(base)
	return &directory{base: base, adapter: adapter, nodes: nodes, wait: wait, resourcesTurn: patience.NewTurn(), resources: map[string]entra.ResourceApplication{}}
}

// directory implements entra.Directory.
type directory struct {
	base    string // origin and version, without a slash at its end
	adapter *kiotahttp.NetHttpRequestAdapter
	nodes   serialization.ParseNodeFactory
	wait    patience.Wait

	resourcesTurn patience.Turn
	resources     map[string]entra.ResourceApplication // by app ID, as far as they were asked for
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

// bearer begins the Authorization header (RFC 6750).
const bearer = "Bearer "

// authentication gives every request its token, and refuses a request that would leave the configured origin:
// a next link, for one, comes from the other side. It implements kiota's AuthenticationProvider.
type authentication struct {
	origin string
	token  func(ctx context.Context) (string, error)
}

func (a *authentication) AuthenticateRequest(ctx context.Context, request *abstractions.RequestInformation, _ map[string]any) error {
	target, err := request.GetUri()
	if err != nil {
		return fmt.Errorf("building a Microsoft Graph request: %w", err)
	}
	if origin := target.Scheme + "://" + target.Host; !strings.EqualFold(origin, a.origin) {
		return fmt.Errorf("refused to send a Microsoft Graph request to %s: the configured origin is %s", origin, a.origin)
	}
	token, err := a.token(ctx)
	if err != nil {
		return err
	}
	if token == "" {
		return fmt.Errorf("refused to send a Microsoft Graph request without an access token: signing in gave an empty one")
	}
	request.Headers.Remove("Authorization")
	request.Headers.Add("Authorization", bearer+token)
	return nil
}
