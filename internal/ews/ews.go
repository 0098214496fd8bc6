// Package ews is a client for Exchange Web Services (EWS) and Autodiscover. It asks Exchange Online what the
// connectivity check needs to know: the EWS address of a mailbox, and what a registered app may do in its folders.
package ews

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// ErrOtherOrigin is the error if Exchange names an address outside the configured origin. No request with a token is
// sent there.
var ErrOtherOrigin = errors.New("outside the configured Exchange endpoint")

// Client speaks to one Exchange origin as one app.
type Client struct {
	origin  string
	http    *http.Client
	token   func(context.Context) (string, error)
	forget  func(refused string) // nil: a refused token is not replaced
	retries retry.Policy
}

// New returns a client for an origin such as https://outlook.office365.com, without a trailing slash. token supplies
// the app's access token for Exchange; it is called for every request that needs one. Redirects are never followed,
// regardless of the given client. retries is the policy for a busy Exchange.
func New(
	origin string, client *http.Client, retries retry.Policy, token func(context.Context) (string, error),
) *Client {
	return &Client{origin: strings.TrimSuffix(origin, "/"), http: client, token: token, retries: retries}
}

// Renewing makes the client replace a token that Exchange refuses with HTTP 401, once for each request: forget drops
// it, and the token function is called for another one. A second refusal is final.
func (c *Client) Renewing(forget func(refused string)) *Client {
	renewing := *c
	renewing.forget = forget
	return &renewing
}

// DefaultEWSURL returns where an origin serves EWS if Autodiscover does not say otherwise (Microsoft: "Get started with
// EWS client applications").
func (c *Client) DefaultEWSURL() string { return c.origin + "/EWS/Exchange.asmx" }

// within answers with an error for an address that is not on the client's origin.
func (c *Client) within(address string) error {
	there, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%q, where Exchange pointed to, is not a URL: %w", address, ErrOtherOrigin)
	}
	here, err := url.Parse(c.origin)
	if err != nil {
		return fmt.Errorf("the Exchange endpoint %q is not a URL: %w", c.origin, err)
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

// ask sends a SOAP request with the app's token. read takes what an answer holds, or returns an error.
func (c *Client) ask(
	ctx context.Context, address, question string, route Route, read func(*http.Response, []byte) error,
) error {
	token, err := c.token(ctx)
	if err != nil {
		return err
	}
	for first := true; ; first = false {
		if token == "" {
			return errors.New("refused to send a request to Exchange without an access token: signing in gave an empty one")
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(question))
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Content-Type", "text/xml; charset=utf-8")
		request.Header.Set("Accept", "text/xml")
		request.Header.Set("X-AnchorMailbox", route.Anchor)
		if route.PublicFolderMailbox != "" {
			request.Header.Set("X-PublicFolderMailbox", route.PublicFolderMailbox)
		}
		err = c.do(request, read)
		answer, answered := errors.AsType[*Error](err)
		if !first || c.forget == nil || !answered || answer.Status != http.StatusUnauthorized {
			return err
		}
		c.forget(token)
		fresh, failed := c.token(ctx)
		if failed != nil || fresh == token {
			return err // the refusal says more
		}
		token = fresh
	}
}

// do sends the request, and again while Exchange is busy and the time allows: nothing is asked here that changes
// anything. What the last answer came to is the error.
func (c *Client) do(request *http.Request, read func(*http.Response, []byte) error) error {
	request.Header.Set("User-Agent", "terraform-provider-codetwo")
	answer, err := c.retries.Send(c.http, request, func(answer *http.Response, body []byte) retry.Verdict {
		return verdict(answer, read(answer, body))
	})
	if err != nil {
		return err
	}
	body, err := io.ReadAll(answer.Body) // from memory
	if err != nil {
		return fmt.Errorf("reading Exchange's answer: %w", err)
	}
	return read(answer, body)
}
