package ews

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// EWSURL asks Autodiscover v2 where the mailbox's EWS is. No token is sent. A URL outside the client's origin is
// refused with ErrOtherOrigin.
//
// Neither an answer nor its absence proves anything about a mailbox: for an address that it does not know, Autodiscover
// v2 sends a redirect, which is returned as an *Error with that status (seen on the service, not documented by
// Microsoft).
func (c *Client) EWSURL(ctx context.Context, mailbox string) (string, error) {
	address := c.origin + "/autodiscover/autodiscover.json/v1.0/" + url.PathEscape(mailbox) + "?Protocol=Ews"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Accept", "application/json")
	var found string
	err = c.do(request, func(answer *http.Response, body []byte) (err error) {
		found, err = c.readEWSURL(answer, body)
		return err
	})
	return found, err
}

func (c *Client) readEWSURL(answer *http.Response, body []byte) (string, error) {
	if answer.StatusCode != http.StatusOK {
		return "", errorOf(answer, body)
	}
	var found struct {
		Protocol string
		URL      string `json:"Url"`
	}
	if json.Unmarshal(body, &found) != nil || found.URL == "" {
		failure := errorOf(answer, body)
		failure.Message = "Autodiscover answered without an address for EWS"
		return "", failure
	}
	if err := c.within(found.URL); err != nil {
		return "", err
	}
	return found.URL, nil
}
