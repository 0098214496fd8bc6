package auth

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// NewHTTPClient returns the client that speaks to all endpoints: with the system's roots and those in caPEM (may be
// empty), through the proxy that HTTPS_PROXY names, and never following a redirect. It sets no time limit for a whole
// request: the request's context does.
func NewHTTPClient(caPEM []byte) (*http.Client, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's trusted certificates: %w", err)
	}
	if len(caPEM) > 0 && !roots.AppendCertsFromPEM(caPEM) {
		return nil, errors.New("there is no certificate in PEM (-----BEGIN CERTIFICATE-----) among the additional trusted " +
			"certificates")
	}
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	return retry.WithoutRedirects(&http.Client{Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 15 * time.Second,
		// A batch or an EWS call may take a minute on a bad day; silence for longer is a dead connection.
		ResponseHeaderTimeout: 100 * time.Second,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true, // off by itself once TLS or dialling is configured
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
		MaxIdleConns:          100,
		// Terraform walks ten objects at a time by default, and parallelism is raised for many tenants.
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     90 * time.Second,
	}}), nil
}
