package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

func sandboxPath(work string) string {
	return filepath.Join(work, "sandbox"+terraformcli.ExecutableSuffix())
}

// sandboxTenant is the first tenant of a running sandbox.
type sandboxTenant struct {
	ID          string `json:"tenant_id"`
	DisplayName string `json:"display_name"`
	Domain      string `json:"domain"`
	Mailboxes   struct {
		Licensed          []string `json:"licensed"`
		PublicFolderOwner []string `json:"public_folder_owner"`
	} `json:"mailboxes"`

	environment []string // NAME=value
	authority   string   // path of the certificate of the CA that the sandbox's comes from
	origin      string
	client      *http.Client
	stop        func()
}

// startSandbox starts the process, and waits until it has written its environment file.
func startSandbox(work string) (*sandboxTenant, error) {
	envFile := filepath.Join(work, "sandbox.env")
	process := exec.Command(sandboxPath(work), "-env-file", envFile, "-log", filepath.Join(work, "sandbox.log"))
	process.Stderr = os.Stderr
	process.SysProcAttr = ownGroup()
	output, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("starting the sandbox: %w", err)
	}
	stop := func() {
		_ = process.Process.Signal(syscall.SIGTERM)
		_ = process.Wait()
	}
	// Its first line says that it serves, and comes after the environment file.
	if _, err := bufio.NewReader(output).ReadString('\n'); err != nil {
		stop()
		return nil, fmt.Errorf("the sandbox did not start: %w", err)
	}
	go func() { _, _ = io.Copy(io.Discard, output) }()
	tenant, err := readEnvironment(envFile)
	if err != nil {
		stop()
		return nil, err
	}
	tenant.stop = stop
	return tenant, nil
}

// readEnvironment reads the shell exports of the sandbox: NAME='value', one a line.
func readEnvironment(envFile string) (*sandboxTenant, error) {
	content, err := os.ReadFile(envFile)
	if err != nil {
		return nil, err
	}
	tenant := &sandboxTenant{}
	values := map[string]string{}
	for line := range strings.Lines(string(content)) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		name, quoted, found := strings.Cut(line, "=")
		if !found || strings.HasPrefix(line, "#") {
			continue
		}
		values[name] = strings.Trim(quoted, "'")
		tenant.environment = append(tenant.environment, name+"="+values[name])
	}
	listed, err := os.ReadFile(values["SANDBOX_TENANTS"])
	if err != nil {
		return nil, err
	}
	var file struct {
		Tenants []json.RawMessage `json:"tenants"`
	}
	if err := json.Unmarshal(listed, &file); err != nil {
		return nil, err
	}
	if len(file.Tenants) == 0 {
		return nil, fmt.Errorf("%s lists no tenant", values["SANDBOX_TENANTS"])
	}
	if err := json.Unmarshal(file.Tenants[0], tenant); err != nil {
		return nil, err
	}
	tenant.authority = values["CODETWO_CA_CERTIFICATE_PATH"]
	authority, err := os.ReadFile(tenant.authority)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	tenant.origin = values["CODETWO_LOGIN_ENDPOINT"]
	tenant.client = &http.Client{Timeout: 30 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	return tenant, nil
}

// tenantState is what the sandbox's control API says of a tenant.
type tenantState struct {
	Applications      []object `json:"applications"`
	ServicePrincipals []object `json:"service_principals"`
	Grants            []struct {
		PrincipalID string `json:"principal_id"`
	} `json:"grants"`
	Mailboxes []mailbox `json:"mailboxes"`
}

// mailbox is a mailbox, or the one of the public folders, with what clients have put into it.
type mailbox struct {
	Address string `json:"address"`
	Folders []struct {
		Path  string `json:"path"`
		Items []struct {
			Subject string `json:"subject"`
			Size    int    `json:"size"`
		} `json:"items"`
	} `json:"folders"`
}

type object struct {
	ObjectID    string `json:"object_id"`
	ClientID    string `json:"client_id"`
	DisplayName string `json:"display_name"`
}

func (s *tenantState) grantsOf(clientID string) int {
	count := 0
	for _, grant := range s.Grants {
		if slices.ContainsFunc(s.ServicePrincipals, func(principal object) bool {
			return principal.ClientID == clientID && principal.ObjectID == grant.PrincipalID
		}) {
			count++
		}
	}
	return count
}

// state asks what the tenant holds, apart from the applications that Terraform signs in as.
func (t *sandboxTenant) state(ctx context.Context) (*tenantState, error) {
	var state tenantState
	if err := t.control(ctx, http.MethodGet, "/_sandbox/tenants/"+t.ID, nil, &state); err != nil {
		return nil, err
	}
	state.Applications = slices.DeleteFunc(state.Applications, func(application object) bool {
		return strings.HasPrefix(application.DisplayName, "Terraform (")
	})
	return &state, nil
}

func (t *sandboxTenant) exchangePath() string { return "/_sandbox/tenants/" + t.ID + "/exchange" }

// playWave has Microsoft block EWS in the tenant.
func (t *sandboxTenant) playWave(ctx context.Context) error {
	return t.control(ctx, http.MethodPatch, t.exchangePath(), map[string]any{"second_wave": true}, nil)
}

// allowEWS does what the Exchange administrator does with Set-OrganizationConfig, and returns the list as it is then:
// what was on it stays, and the list comes before the switch.
func (t *sandboxTenant) allowEWS(ctx context.Context, clientID string) ([]string, error) {
	var settings struct {
		List []string `json:"ews_allowed_app_ids"`
	}
	if err := t.control(ctx, http.MethodGet, t.exchangePath(), nil, &settings); err != nil {
		return nil, err
	}
	list := settings.List
	if !slices.ContainsFunc(list, func(id string) bool { return strings.EqualFold(id, clientID) }) {
		list = append(list, clientID)
	}
	for _, write := range []map[string]any{{"ews_allowed_app_ids": list}, {"ews_enabled": true}} {
		if err := t.control(ctx, http.MethodPatch, t.exchangePath(), write, nil); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (t *sandboxTenant) control(ctx context.Context, method, path string, body, answer any) error {
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, t.origin+path, &content)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := t.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	received, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("the sandbox answered %s %s with %s: %s", method, path, response.Status, received)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(received, answer)
}
