package interop

import (
	"bytes"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"golang.org/x/net/html"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// handoff is what the person at the migration server gets of a tenant that Terraform has onboarded: the sheet, in a
// copy of the store, and a key of their own that opens what the store keeps for them.
type handoff struct {
	*acctest.Env
	t      *testing.T
	tenant sandbox.TenantEntry
	store  string // folder
	sheet  string // path
	key    *age.X25519Identity
}

// onboard registers an app with a certificate, and connects a mailbox with these further attributes, as Terraform does.
func onboard(t *testing.T, env *acctest.Env, attributes map[string]tftypes.Value) *handoff {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	must(t, err)
	h := &handoff{Env: env, t: t, tenant: env.Tenant(0), key: key}
	protocol := env.Protocol(h.tenant.Callers.Full)
	app := protocol.Object("codetwo_target_app_registration")
	_, err = app.Apply(t.Context(), app.Config(map[string]tftypes.Value{"tenant_id": text(h.tenant.TenantID)}))
	must(t, err)
	config := map[string]tftypes.Value{
		"tenant_id": text(h.tenant.TenantID), "mailbox": text(h.tenant.Mailboxes.Licensed[0]),
		"client_id":              text(app.Text("client_id")),
		"certificate_thumbprint": text(app.Text("certificate", "thumbprint")),
		"handoff_recipients":     textSet(key.Recipient().String()),
	}
	for name, value := range attributes {
		config[name] = value
	}
	connection := protocol.Object("codetwo_target_connection")
	_, err = connection.Apply(t.Context(), connection.Config(config))
	must(t, err)
	// The store is copied: nothing of the machine that runs Terraform is needed any more.
	h.store = filepath.Join(t.TempDir(), "a copy of the store")
	must(t, os.CopyFS(h.store, os.DirFS(env.Store)))
	sheet, err := url.Parse(connection.Text("handoff_url"))
	must(t, err)
	below, err := filepath.Rel(env.Store, filepath.FromSlash(sheet.Path))
	must(t, err)
	h.sheet = filepath.Join(h.store, below)
	return h
}

// copied is what a Copy button of the sheet copies.
func (h *handoff) copied(name string) string {
	h.t.Helper()
	file, err := os.Open(h.sheet)
	must(h.t, err)
	defer func() { _ = file.Close() }()
	page, err := html.Parse(file)
	must(h.t, err)
	for node := range page.Descendants() {
		for _, attribute := range node.Attr {
			if attribute.Key != "aria-label" || attribute.Val != "Copy "+name {
				continue
			}
			var value strings.Builder
			for sibling := range node.Parent.Descendants() {
				if sibling.Type == html.TextNode && sibling.Parent.Data == "code" {
					value.WriteString(sibling.Data)
				}
			}
			return value.String()
		}
	}
	h.t.Fatalf("the sheet %s has no button that copies %s", h.sheet, name)
	return ""
}

// pfx is the path of the certificate file.
func (h *handoff) pfx() string {
	h.t.Helper()
	return filepath.Join(h.store, filepath.FromSlash(h.copied("the path of the certificate file")))
}

// passwordOfPFX is the certificate file's password, which the person's own key opens: that is what the age command of
// the sheet does.
func (h *handoff) passwordOfPFX() string {
	h.t.Helper()
	mailbox := strings.TrimSuffix(filepath.Base(h.sheet), ".html")
	content, err := os.ReadFile(filepath.Join(filepath.Dir(h.sheet), "..", "connections", mailbox+".pfx-password.age"))
	must(h.t, err)
	plain, err := age.Decrypt(armor.NewReader(bytes.NewReader(content)), h.key)
	must(h.t, err)
	value, err := io.ReadAll(plain)
	must(h.t, err)
	return string(value)
}

// authority is the path of the certificate of the CA that the sandbox's comes from.
func authority(t *testing.T, env *acctest.Env) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(path, env.Server.CertificateAuthorityPEM(), 0o600))
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func text(value string) tftypes.Value { return tftypes.NewValue(tftypes.String, value) }

func textSet(values ...string) tftypes.Value {
	elements := make([]tftypes.Value, len(values))
	for i, value := range values {
		elements[i] = text(value)
	}
	return tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, elements)
}
