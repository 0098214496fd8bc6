package auth

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestRequestWithATokenFollowsNoRedirect(t *testing.T) {
	var arrived int
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived++ }))
	defer elsewhere.Close()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/same" {
			arrived++
			return
		}
		target := elsewhere.URL
		if r.URL.Path == "/to-same" {
			target = "/same"
		}
		w.Header().Set("Location", target)
		w.WriteHeader(http.StatusPermanentRedirect)
	}))
	defer server.Close()
	client := trusting(t, server, elsewhere)
	for _, path := range []string{"/to-same", "/elsewhere"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer token")
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusPermanentRedirect {
				t.Errorf("%s %s: HTTP %d", method, path, response.StatusCode)
			}
		}
	}
	if arrived != 0 {
		t.Errorf("%d redirects were followed", arrived)
	}
}

func TestOnlyTheGivenRootsAreAddedToTheSystems(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	stranger, err := NewHTTPClient(nil)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := stranger.Do(request)
	if err == nil {
		_ = response.Body.Close()
		t.Fatal("a certificate of an unknown root was accepted")
	}
	if !errors.As(err, new(*tls.CertificateVerificationError)) {
		t.Errorf("error: %v", err)
	}
	response, err = trusting(t, server).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if _, err := NewHTTPClient([]byte("no PEM")); err == nil {
		t.Errorf("a file without a certificate was accepted")
	}
}

func TestHTTP2IsSpokenAndOldTLSIsNot(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	response, err := trusting(t, server).Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.ProtoMajor != 2 {
		t.Errorf("protocol %s", response.Proto)
	}

	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	defer old.Close()
	if response, err := trusting(t, old).Get(old.URL); err == nil {
		_ = response.Body.Close()
		t.Errorf("TLS 1.1 was accepted")
	}
}
