//go:build full

package interop

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// play runs a program against a sandbox, whose traffic is held against Microsoft's contract on the way. The program has
// to end well, say of each step that it is done, and leave nothing behind. The pause is for programs that wait for a
// change to show.
func play(t *testing.T, options sandbox.Options, pause time.Duration, steps []string, program ...string) {
	t.Helper()
	env := acctest.Start(t, options)
	folder := t.TempDir()
	caPath, certificatePath := filepath.Join(folder, "ca.pem"), filepath.Join(folder, "certificate.pem")
	write(t, caPath, env.Server.CertificateAuthorityPEM())
	write(t, certificatePath, newCertificate(t))
	caller := env.Tenant(0).Callers.Full
	before := env.State(0)
	command := exec.CommandContext(t.Context(), program[0], program[1:]...)
	command.Env = append(os.Environ(), "SSL_CERT_FILE="+caPath, "NODE_EXTRA_CA_CERTS="+caPath,
		"FOREIGN_ORIGIN="+env.Server.Origin(),
		"FOREIGN_TENANT_ID="+env.Tenant(0).TenantID, "FOREIGN_CLIENT_ID="+caller.ClientID,
		"FOREIGN_CLIENT_SECRET="+caller.ClientSecret,
		"FOREIGN_CERTIFICATE="+certificatePath, "FOREIGN_PAUSE="+pause.String())
	for _, variable := range env.Server.InteropEnvironment(caPath, "") {
		command.Env = append(command.Env, variable.Name+"="+variable.Value)
	}
	said, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program[0], err, said)
	}
	for _, step := range steps {
		if !slices.Contains(strings.Split(string(said), "\n"), "ok: "+step) {
			t.Errorf("the step %q is not done:\n%s", step, said)
		}
	}
	if after := env.State(0); len(after.Applications) != len(before.Applications) ||
		len(after.ServicePrincipals) != len(before.ServicePrincipals) || len(after.DeletedItems) > 0 {
		t.Errorf("left behind are %d applications, %d service principals and %d deleted items",
			len(after.Applications)-len(before.Applications),
			len(after.ServicePrincipals)-len(before.ServicePrincipals), len(after.DeletedItems))
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// newCertificate makes a certificate and its key, in one PEM.
func newCertificate(t *testing.T) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "interop"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
}

// lifecycle are the steps that the libraries play.
var lifecycle = []string{
	"the new application signs in by certificate", "an application is found by its name", "pages", "a batch", "an error",
	"the end",
}

// run runs a command that prepares a program.
func run(t *testing.T, folder string, command ...string) {
	t.Helper()
	prepare := exec.CommandContext(t.Context(), command[0], command[1:]...)
	prepare.Dir = folder
	if said, err := prepare.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, said)
	}
}

func TestMicrosoftsGraphSDKForGoFindsATenant(t *testing.T) {
	program := filepath.Join(t.TempDir(), "gosdk")
	run(t, "gosdk", "go", "build", "-p", "1", "-o", program, ".") // its packages take gigabytes each
	play(t, sandbox.Options{}, 0, lifecycle, program)
}

func TestHashiCorpsAzureSDKFindsATenant(t *testing.T) {
	program := filepath.Join(t.TempDir(), "azuresdk")
	run(t, "azuresdk", "go", "build", "-o", program, ".")
	steps := []string{
		"the cloud is found by its metadata host", "the caller signs in by secret", "azuread_application",
		"azuread_application_certificate",
		"azuread_application_password", "azuread_application_federated_identity_credential", "azuread_service_principal",
		"azuread_app_role_assignment", "the new application signs in by certificate and by secret", "lists", "an error",
		"the end",
	}
	const speed = 30
	for _, tenant := range []struct {
		profile string
		pause   time.Duration
	}{
		{"instant", time.Millisecond},
		{"realistic", 5 * time.Second / speed}, // azuread's pause, at the speed of the replicas
	} {
		t.Run(tenant.profile, func(t *testing.T) {
			play(t, sandbox.Options{Profile: tenant.profile, Speed: speed}, tenant.pause, steps, program)
		})
	}
}

func TestMicrosoftsLibrariesForNodeFindATenant(t *testing.T) {
	run(t, "node", "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	play(t, sandbox.Options{}, 0, append([]string{"registering"}, lifecycle...), "node",
		filepath.Join("node", "client.mjs"))
}

func TestCurlAndOpensslFindATenant(t *testing.T) {
	play(t, sandbox.Options{}, 0,
		[]string{"the cloud metadata", "a token by secret", "registering", "a token by certificate", "a wrong signature",
			"the end"}, "sh", "shell.sh")
}
