package auth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// wire carries azidentity's requests, and keeps them at the sign-in service's origin.
type wire struct {
	endpoints Endpoints
	client    *http.Client
	retries   retry.Policy
	note      *note // of the session whose requests it carries
}

func (w wire) options() policy.ClientOptions {
	return policy.ClientOptions{
		Cloud: cloud.Configuration{
			ActiveDirectoryAuthorityHost: w.endpoints.Login, Services: map[cloud.ServiceName]cloud.ServiceConfiguration{},
		},
		Transport: w,
		// Do retries: azcore gives up after a minute, and trusts this machine's clock.
		Retry: policy.RetryOptions{MaxRetries: -1},
	}
}

// Do implements azcore's policy.Transporter.
func (w wire) Do(request *http.Request) (*http.Response, error) {
	note := w.note
	if origin := request.URL.Scheme + "://" + request.URL.Host; !strings.EqualFold(origin, w.endpoints.Login) {
		err := fmt.Errorf("refused to send a sign-in request to %s: the configured origin is %s", origin, w.endpoints.Login)
		note.fail(err)
		return nil, err
	}
	if request.Method == http.MethodGet && strings.HasSuffix(request.URL.Path, openIDConfiguration) {
		return w.configuration(request)
	}
	if request.Body != nil {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		if form, err := url.ParseQuery(string(body)); err == nil {
			note.hide(form.Get("client_secret"), form.Get("client_assertion"))
		}
	}
	response, err := w.retries.Send(w.client, request, retry.ByStatus)
	note.fail(err)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		note.refuse(response)
	} else if request.Method == http.MethodPost {
		note.grant()
	}
	return response, nil
}

// openIDConfiguration ends the address of what tells where a tenant's endpoints are.
const openIDConfiguration = "/v2.0/.well-known/openid-configuration"

// configuration answers in place of the sign-in service. The client library asks for a tenant's endpoints before the
// tenant's first token, one round trip more for each tenant and process, and they are documented (Microsoft identity
// platform: "OAuth 2.0 client credentials flow"). An answer from outside could also name an endpoint elsewhere, and
// have the secret posted there. Whether the tenant exists, the token request tells.
func (w wire) configuration(request *http.Request) (*http.Response, error) {
	tenant := w.endpoints.Login + strings.TrimSuffix(request.URL.Path, openIDConfiguration)
	body, err := json.Marshal(map[string]string{
		"issuer":                 tenant + "/v2.0",
		"authorization_endpoint": tenant + "/oauth2/v2.0/authorize",
		"token_endpoint":         tenant + "/oauth2/v2.0/token",
	})
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: request,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
	}, nil
}

// note is what happened on the wire during a session's current sign-in. The errors that azidentity returns are
// texts only, and some quote the whole answer, so that they can neither be examined nor shown.
type note struct {
	mu      sync.Mutex
	err     error    // of the last request, nil when it was answered
	status  int      // of the answer that refused; 0: none did
	body    []byte   // of that answer
	granted bool     // an answer held an access token
	hidden  []string // secrets that were sent
}

// begin forgets the sign-in before.
func (n *note) begin() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.err, n.status, n.body, n.granted, n.hidden = nil, 0, nil, false, nil
}

func (n *note) fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.err = err
}

func (n *note) hide(secrets ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, secret := range secrets {
		if secret != "" && !slices.Contains(n.hidden, secret) {
			n.hidden = append(n.hidden, secret, url.QueryEscape(secret))
		}
	}
}

func (n *note) grant() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.granted = true
}

// refuse keeps an answer that refused, whose body is in memory. azcore drops it where the context has ended meanwhile.
func (n *note) refuse(response *http.Response) {
	body, _ := io.ReadAll(response.Body)
	response.Body = io.NopCloser(bytes.NewReader(body))
	n.mu.Lock()
	defer n.mu.Unlock()
	n.status, n.body = response.StatusCode, body
}

// refused is the status and the body of the answer that refused; 0 where none did.
func (n *note) refused() (status int, body []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.status, n.body
}

func (n *note) wasGranted() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.granted
}

// failure is why the last request got no answer, or nil.
func (n *note) failure() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

// censor takes the secrets that were sent out of a text.
func (n *note) censor(text string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, secret := range n.hidden {
		text = strings.ReplaceAll(text, secret, "(hidden)")
	}
	return text
}
