// Package exchange asks Exchange Online what the connectivity check needs to know: where a mailbox's Exchange Web
// Services (EWS) are, and what a registered app may do in one folder of it.
package exchange

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxAnswer bounds what is read of an answer, in bytes. A folder with its permissions is a few kilobytes.
const maxAnswer = 1 << 20

// ErrOtherOrigin says that Exchange pointed outside the origin that the provider was told to use. A request that
// carries a token never goes there.
var ErrOtherOrigin = errors.New("outside the configured Exchange endpoint")

// Client speaks to one Exchange origin as one app.
type Client struct {
	origin string
	http   *http.Client
	token  func(context.Context) (string, error)
}

// New returns a client for an origin such as https://outlook.office365.com, without a trailing slash. token supplies
// the app's access token for Exchange; it is asked for every request that needs one. Redirects are never followed,
// whatever the given client does.
func New(origin string, client *http.Client, token func(context.Context) (string, error)) *Client {
	still := *client
	still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{origin: strings.TrimSuffix(origin, "/"), http: &still, token: token}
}

// DefaultEWSURL is where an origin serves EWS when Autodiscover does not say otherwise (Microsoft: "Get started with
// EWS client applications").
func (c *Client) DefaultEWSURL() string { return c.origin + "/EWS/Exchange.asmx" }

// within answers with an error for an address that is not on the client's origin.
func (c *Client) within(address string) error {
	there, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%q, where Exchange pointed to, is no URL: %w", address, ErrOtherOrigin)
	}
	here, err := url.Parse(c.origin)
	if err != nil {
		return fmt.Errorf("the Exchange endpoint %q is no URL: %w", c.origin, err)
	}
	if there.Scheme != here.Scheme || there.User != nil || !strings.EqualFold(hostAndPort(there), hostAndPort(here)) {
		return fmt.Errorf("%s, where Exchange pointed to, is %w %s", address, ErrOtherOrigin, c.origin)
	}
	return nil
}

func hostAndPort(u *url.URL) string {
	if u.Port() == "" && u.Scheme == "https" {
		return u.Hostname() + ":443"
	}
	return u.Host
}

// do sends the request and reads the answer's body, however it turned out.
func (c *Client) do(request *http.Request) (*http.Response, []byte, error) {
	request.Header.Set("User-Agent", "terraform-provider-codetwo")
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, nil, fmt.Errorf("reading Exchange's answer: %w", err)
	}
	return answer, body, nil
}
