package sandbox

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

func TestOnlyTheLoopbackInterfaceIsServed(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:0", "127.0.0.1"} {
		server, err := Start(Options{Listen: address})
		if err == nil {
			_ = server.Close()
			t.Errorf("the sandbox listens on %q", address)
		}
	}
	for _, address := range []string{"127.0.0.1:0", "localhost:0"} {
		server, err := Start(Options{Listen: address})
		if err != nil {
			t.Errorf("listening on %q: %v", address, err)
			continue
		}
		_ = server.Close()
	}
}

func TestAProfileThatDoesNotExistIsRefusedByName(t *testing.T) {
	if _, err := Start(Options{Profile: "fast"}); err == nil || !strings.Contains(err.Error(), `"fast"`) ||
		!strings.Contains(err.Error(), "realistic") {
		t.Errorf("the error is %v", err)
	}
	if _, err := Start(Options{Speed: -1}); err == nil || !strings.Contains(err.Error(), "speed -1") {
		t.Errorf("the error is %v", err)
	}
}

func TestTheCAIsWorthlessForOtherHosts(t *testing.T) {
	_, caPEM, err := newTLSIdentity()
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(caPEM)
	if len(rest) > 0 || block.Type != "CERTIFICATE" {
		t.Fatalf("the CA's file holds more than one certificate: %s", caPEM)
	}
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if !ca.PermittedDNSDomainsCritical || len(ca.PermittedDNSDomains) != 1 || ca.PermittedDNSDomains[0] != "localhost" {
		t.Errorf("the CA may sign for the names %v (critical: %t)", ca.PermittedDNSDomains, ca.PermittedDNSDomainsCritical)
	}
	for _, network := range ca.PermittedIPRanges {
		if !network.IP.IsLoopback() {
			t.Errorf("the CA may sign for %s", network)
		}
	}
	if len(ca.PermittedIPRanges) == 0 {
		t.Error("the CA may sign for every address")
	}
}

func TestTheServerSpeaksHTTP2(t *testing.T) {
	r := newRig(t, Options{})
	response, err := r.client.Get(r.server.Origin() + "/_sandbox/clock")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.ProtoMajor != 2 {
		t.Errorf("the server speaks %s", response.Proto)
	}
}

// lockedBuffer is a log that is written and read by several goroutines.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestEveryRequestIsOneLineOfTheLogWithoutASecret(t *testing.T) {
	log := &lockedBuffer{}
	r := newRig(t, Options{Log: log})
	g := r.as(tenant.FullCaller)
	app := g.newApplication(object{})
	added := g.want(http.StatusOK, "POST", "/applications/"+app["id"].(string)+"/addPassword", object{})
	g.want(http.StatusOK, "POST", "/$batch", object{"requests": []object{
		{"id": "1", "method": "GET", "url": "/organization?$select=id"},
		{"id": "2", "method": "GET", "url": "/applications/" + noObject},
	}})
	if err := r.server.Close(); err != nil {
		t.Fatal(err)
	}

	text := log.String()
	for name, secret := range map[string]string{
		"the access token": g.token, "the caller's secret": g.tenant.Callers[tenant.FullCaller].ClientSecret,
		"a new secret": added["secretText"].(string),
	} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in the log", name)
		}
	}
	var lines []Request
	for scanner := bufio.NewScanner(strings.NewReader(text)); scanner.Scan(); {
		var line Request
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, scanner.Text())
		}
		lines = append(lines, line)
	}
	if len(lines) != 4 {
		t.Fatalf("four requests are %d lines of the log:\n%s", len(lines), text)
	}
	for _, line := range lines {
		if line.TenantID != g.tenant.ID || line.Time.IsZero() {
			t.Errorf("a line lacks its tenant or time: %+v", line)
		}
	}
	batch := lines[3]
	if batch.Method != "POST" || batch.Path != "/v1.0/$batch" || batch.Status != http.StatusOK || len(batch.Parts) != 2 {
		t.Fatalf("the batch is logged as %+v", batch)
	}
	for _, part := range batch.Parts {
		want := map[string]int{"/v1.0/organization?$select=id": http.StatusOK,
			"/v1.0/applications/" + noObject: http.StatusNotFound}[part.Path]
		if part.Method != "GET" || part.Status != want {
			t.Errorf("a part of the batch is logged as %+v", part)
		}
	}
}

func TestACompressedBodyIsRead(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	var compressed bytes.Buffer
	writer := gzip.NewWriter(&compressed)
	_, _ = writer.Write([]byte(`{"displayName": "compressed"}`))
	_ = writer.Close()
	headers := map[string]string{"Authorization": "Bearer " + g.token, "Content-Type": "application/json",
		"Content-Encoding": "gzip"}

	got := g.do("POST", "/v1.0/applications", compressed.String(), headers)
	if got.Status != http.StatusCreated || !strings.Contains(got.Body, `"displayName":"compressed"`) {
		t.Errorf("a compressed body is answered with HTTP %d: %s", got.Status, got.Body)
	}
	if got := g.do("POST", "/v1.0/applications", `{"displayName": "plain"}`,
		headers); got.Status != http.StatusBadRequest {
		t.Errorf("a body that only claims to be compressed is answered with HTTP %d: %s", got.Status, got.Body)
	}
}

func TestLatencyEndsWithTheRequest(t *testing.T) {
	r := newRig(t, Options{Latency: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.server.Origin()+"/_sandbox/clock", nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := r.client.Do(request); err == nil {
		t.Error("the request is answered before its time")
	}
}

func TestAClosedSandboxListensNoMore(t *testing.T) {
	r := newRig(t, Options{})
	for range 2 {
		if err := r.server.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if conn, err := net.Dial("tcp", strings.TrimPrefix(r.server.Origin(), "https://")); err == nil {
		_ = conn.Close()
		t.Error("somebody still listens")
	}
}
