package acctest_test

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// byHand are two more connections than the example's, to an app that a person registered: with its client secret, and
// with a certificate of theirs.
const byHand = `
variable "round" { type = number }
variable "by_hand_client_id" { type = string }
variable "by_hand_mailboxes" { type = list(string) }
variable "by_hand_secret" {
  type      = string
  sensitive = true
  ephemeral = true
}
variable "recipients" { type = list(string) }
variable "pfx" { type = object({ path = string, thumbprint = string }) }
variable "pfx_password" {
  type      = string
  sensitive = true
  ephemeral = true
}

resource "codetwo_target_connection" "by_hand" {
  tenant_id                = var.tenant_id
  mailbox                  = var.by_hand_mailboxes[0]
  client_id                = var.by_hand_client_id
  client_secret_wo         = var.by_hand_secret
  client_secret_wo_version = var.round
  handoff_recipients       = var.recipients
}

resource "codetwo_target_connection" "imported" {
  tenant_id                           = var.tenant_id
  mailbox                             = var.by_hand_mailboxes[1]
  client_id                           = var.by_hand_client_id
  certificate_thumbprint              = var.pfx.thumbprint
  certificate_pfx_path                = var.pfx.path
  certificate_pfx_password_wo         = var.pfx_password
  certificate_pfx_password_wo_version = var.round
  certificate_pfx_encryption          = var.round == 1 ? "aes256" : "legacy"
  handoff_recipients                  = var.recipients
}

# A second app's connection, with a secret that Entra refuses: what it says of that must not hold it.
resource "codetwo_target_connection" "refused" {
  tenant_id                = var.tenant_id
  mailbox                  = var.refused_mailbox
  client_id                = var.by_hand_client_id
  client_secret_wo         = var.refused_secret
  client_secret_wo_version = 1
  migrate_public_folders   = true
}

variable "refused_mailbox" { type = string }
variable "refused_secret" {
  type      = string
  sensitive = true
  ephemeral = true
}

data "codetwo_target_connectivity" "refused" {
  count         = var.round == 1 ? 1 : 0
  connection_id = codetwo_target_connection.refused.id
  revision      = codetwo_target_connection.refused.revision
  timeouts      = { read = "26s" } # one pause
}

data "codetwo_target_connectivity" "by_hand" {
  connection_id = codetwo_target_connection.by_hand.id
  revision      = codetwo_target_connection.by_hand.revision
}
`

// refusedSecret is of no app.
const refusedSecret = "Wr0ng~secret.that-nobody_ever~made-up"

func TestAccProvider_NoSecretIsInStatePlanLogOrOutput(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenant := env.Tenant(0)
	app := env.RegisterByHand(tenant.TenantID, "CodeTwo by hand")
	env.OpenEWS(tenant.TenantID, app.ClientID)
	looked := t.TempDir()
	own, file := certificateOfTheirs(t, "a password that somebody chose")
	secrets := map[string][]byte{
		"the caller's client secret":  []byte(tenant.Callers.Full.ClientSecret),
		"the store's passphrase":      []byte(acctest.Passphrase),
		"the refused client secret":   []byte(refusedSecret),
		"the imported PFX's password": []byte("a password that somebody chose"),
	}
	cli := env.CLI(
		"TF_LOG=TRACE", "TF_LOG_PATH="+filepath.Join(looked, "trace.log"),
		"TF_VAR_tenant_id="+tenant.TenantID, "TF_VAR_mailbox="+tenant.Mailboxes.Licensed[0],
		"TF_VAR_store_url="+env.StoreURL(),
		"TF_VAR_store_passphrase="+acctest.Passphrase, "TF_VAR_by_hand_client_id="+app.ClientID,
		fmt.Sprintf("TF_VAR_by_hand_mailboxes=[%q, %q]", tenant.Mailboxes.Licensed[1], "imported@"+tenant.Domain),
		fmt.Sprintf("TF_VAR_pfx={path=%q, thumbprint=%q}", filepath.ToSlash(file), certificate.Thumbprint(own.Certificate)),
		"TF_VAR_pfx_password=a password that somebody chose",
		"TF_VAR_refused_mailbox="+tenant.Mailboxes.PublicFolderOwner[0], "TF_VAR_refused_secret="+refusedSecret,
	)
	if err := os.CopyFS(cli.Folder, os.DirFS("../../examples/onboarding")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(cli.Folder, "by_hand.tf"), []byte(byHand))
	const rotating = "certificate = { key_size = var.round == 1 ? 2048 : 3072 }"
	write(t, filepath.Join(cli.Folder, "main_override.tf"),
		[]byte(`resource "codetwo_target_app_registration" "target" { `+rotating+` }`))
	step := func(name string, arguments ...string) {
		t.Helper()
		output, err := cli.Run(t.Context(), arguments...)
		write(t, filepath.Join(looked, name+".txt"), []byte(output))
		if err != nil {
			t.Fatal(err)
		}
	}
	step("init", "init", "-no-color", "-input=false")

	// First everything is made; then every secret is another one, and is handed to somebody else.
	second := env.Graph(tenant.TenantID, http.MethodPost, "/applications/"+app.ObjectID+"/addPassword",
		map[string]any{"passwordCredential": map[string]any{"displayName": "second"}})
	for round, clientSecret := range []string{app.Secret, second["secretText"].(string)} {
		person, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		of := fmt.Sprintf(" of round %d", round+1)
		secrets["the connection's client secret"+of] = []byte(clientSecret)
		secrets["the recipient's key"+of] = []byte(person.String())
		cli.Environment = append(cli.Environment, fmt.Sprintf("TF_VAR_round=%d", round+1),
			"TF_VAR_by_hand_secret="+clientSecret,
			fmt.Sprintf("TF_VAR_recipients=[%q]", person.Recipient()))
		step("plan"+of, "plan", "-no-color", "-input=false", "-out=saved.tfplan")
		step("show-plan"+of, "show", "-json", "saved.tfplan")
		step("apply"+of, "apply", "-no-color", "-input=false", "saved.tfplan")
		step("show-state"+of, "show", "-json")
		step("again"+of, "plan", "-no-color", "-input=false", "-out=again.tfplan")
		copyFile(t, filepath.Join(cli.Folder, "terraform.tfstate"), filepath.Join(looked, "terraform.tfstate"+of))
		for _, plan := range []string{"saved.tfplan", "again.tfplan"} {
			unzip(t, filepath.Join(cli.Folder, plan), filepath.Join(looked, plan+of))
		}
		if err := os.CopyFS(filepath.Join(looked, "store"+of), os.DirFS(env.Store)); err != nil {
			t.Fatal(err)
		}
		// The imported certificate's, the registration's, and in the second round that one's successor.
		if keys := keysIn(t, env.Store, tenant.TenantID, secrets); keys != 2+round {
			t.Fatalf("in round %d the store holds %d keys", round+1, keys)
		}
	}
	step("destroy", "destroy", "-no-color", "-input=false", "-auto-approve")

	if files, err := noneIn(t, looked, secrets); err != nil || files < 60 {
		t.Errorf("looked into %d files only (%v)", files, err)
	}
	trace, err := os.ReadFile(filepath.Join(looked, "trace.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"codetwo_target_app_registration", "/v1.0/$batch", "/oauth2/v2.0/token",
		"/EWS/Exchange.asmx", "Not ready yet", "AADSTS7000215"} {
		if !bytes.Contains(trace, []byte(words)) {
			t.Errorf("the trace log (%d bytes) does not hold %q, so finding nothing in it proves nothing", len(trace), words)
		}
	}
}

// noneIn fails for each file below a folder that holds a secret or an access token. It returns how many files there
// are.
func noneIn(t *testing.T, folder string, secrets map[string][]byte) (files int, err error) {
	t.Helper()
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for name, secret := range secrets {
			for form, trace := range traces(secret) {
				if bytes.Contains(content, trace) {
					t.Errorf("%s is in %s (%s)", name, path, form)
				}
			}
		}
		if token := accessToken.Find(content); token != nil {
			t.Errorf("an access token is in %s: %.20s…", path, token)
		}
		return nil
	})
	return files, err
}

// certificateOfTheirs is a certificate that the provider did not make, and a PFX file with it.
func certificateOfTheirs(t *testing.T, password string) (*certificate.Pair, string) {
	t.Helper()
	pair, err := certificate.Generate(rand.Reader,
		certificate.Template{CommonName: "theirs", KeySize: 2048, NotBefore: time.Now().Add(-time.Hour),
			NotAfter: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	pfx, err := certificate.EncodePFX(pair, password, certificate.AES256)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "theirs.pfx")
	write(t, file, pfx)
	return pair, file
}

// keysIn opens every PFX of a store, adds what it protects and its password to the secrets, and returns how many there
// are.
func keysIn(t *testing.T, store, tenantID string, secrets map[string][]byte) int {
	t.Helper()
	identity := openStore(t, store)
	files, err := filepath.Glob(filepath.Join(store, tenantID, "certificates", "*.pfx"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		password := decrypt(t, identity, strings.TrimSuffix(file, ".pfx")+".password.age")
		pfx, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pair, err := certificate.DecodePFX(pfx, string(password))
		if err != nil {
			t.Fatal(err)
		}
		of := " of " + certificate.Thumbprint(pair.Certificate)
		secrets["the PFX password "+string(password[:2])+of] = password
		secrets["the private key's exponent"+of] = pair.Key.D.Bytes()[:48]
		secrets["the private key's first prime"+of] = pair.Key.Primes[0].Bytes()[:48]
	}
	return len(files)
}

// accessToken is the beginning of a signed token: two base64url objects.
var accessToken = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}`)

// traces are the forms in which a secret could be lying about.
func traces(secret []byte) map[string][]byte {
	forms := map[string][]byte{
		"as it is":   secret,
		"in hex":     []byte(hex.EncodeToString(secret)),
		"in hex, up": []byte(strings.ToUpper(hex.EncodeToString(secret))),
		"in a form":  []byte(url.QueryEscape(string(secret))),
	}
	for shift := range 3 { // base64 depends on what precedes it
		whole := len(secret[shift:]) / 3 * 3
		forms["in base64, shifted by "+string(rune('0'+shift))] = []byte(
			base64.StdEncoding.EncodeToString(secret[shift : shift+whole]))
	}
	return forms
}

func openStore(t *testing.T, folder string) age.Identity {
	t.Helper()
	passphrase, err := age.NewScryptIdentity(acctest.Passphrase)
	if err != nil {
		t.Fatal(err)
	}
	identities, err := age.ParseIdentities(bytes.NewReader(decrypt(t, passphrase, filepath.Join(folder, "identity.age"))))
	if err != nil {
		t.Fatal(err)
	}
	return identities[0]
}

func decrypt(t *testing.T, identity age.Identity, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := age.Decrypt(armor.NewReader(bytes.NewReader(content)), identity)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func unzip(t *testing.T, path, folder string) {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	if err := os.CopyFS(folder, archive); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, content)
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
