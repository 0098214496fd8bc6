package acctest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

// renewedPassphrase is the one that replaces acctest.Passphrase.
const renewedPassphrase = "another passphrase after the leak"

// leaked is a connection with a client secret, next to the example's with a certificate.
const leaked = `
variable "round" { type = number }
variable "leaked_mailbox" { type = string }
variable "recipient" { type = string }
variable "leaked_secret" {
  type      = string
  sensitive = true
  ephemeral = true
}

resource "codetwo_target_connection" "leaked" {
  tenant_id                = var.tenant_id
  mailbox                  = var.leaked_mailbox
  client_id                = "11111111-2222-3333-4444-555555555555"
  client_secret_wo         = var.leaked_secret
  client_secret_wo_version = var.round
  handoff_recipients       = [var.recipient]
}
`

func TestAccStore_ARenewedIdentityKeepsThePlanEmptyAndMakesTheLeakedOneWorthless(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenant := env.Tenant(0)
	person, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	mailbox := tenant.Mailboxes.Licensed[1]
	cli := env.CLI(
		"TF_VAR_tenant_id="+tenant.TenantID, "TF_VAR_mailbox="+tenant.Mailboxes.Licensed[0],
		"TF_VAR_store_url="+env.StoreURL(), "TF_VAR_store_passphrase="+acctest.Passphrase,
		"TF_VAR_round=1", "TF_VAR_leaked_mailbox="+mailbox, "TF_VAR_leaked_secret=the secret of the first round",
		"TF_VAR_recipient="+person.Recipient().String(),
	)
	if err := os.CopyFS(cli.Folder, os.DirFS("../../examples/onboarding")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(cli.Folder, "leaked.tf"), []byte(leaked))
	run := func(arguments ...string) {
		t.Helper()
		if _, err := cli.Run(t.Context(), arguments...); err != nil {
			t.Fatal(err)
		}
	}
	run("init", "-no-color", "-input=false")
	run("apply", "-no-color", "-input=false", "-auto-approve")
	old := openStore(t, env.Store)
	copied := filepath.Join(t.TempDir(), "leaked")
	if err := os.CopyFS(copied, os.DirFS(env.Store)); err != nil {
		t.Fatal(err)
	}

	renewedTo := renewIdentity(t, cli, env.StoreURL())
	cli.Environment = append(cli.Environment, "TF_VAR_store_passphrase="+renewedPassphrase)
	if text, changes, err := cli.PlanChanges(t.Context()); err != nil || changes {
		t.Errorf("after the renewal, the plan changes something: %v\n%s", err, text)
	}
	run("apply", "-no-color", "-input=false", "-auto-approve")
	rememberAll(t, cli, renewedTo)

	// What is written since is closed to those who have the old identity, and open to the store and its recipient.
	cli.Environment = append(cli.Environment, "TF_VAR_round=2", "TF_VAR_leaked_secret=the secret of the second round")
	run("apply", "-no-color", "-input=false", "-auto-approve")
	connections := filepath.Join(env.Store, tenant.TenantID, "connections")
	secretFile := filepath.Join(connections, strings.ToLower(mailbox)+".secret.age")
	for name, key := range map[string]age.Identity{"store": openRenewed(t, env.Store), "recipient": person} {
		if got := string(decrypt(t, key, secretFile)); got != "the secret of the second round" {
			t.Errorf("the %s decrypts %q", name, got)
		}
	}
	opensNothing(t, env.Store, tenant.TenantID, old)

	// A record that the old identity sealed is put back: nobody believes it, and apply writes it again.
	record := filepath.Join(connections, strings.ToLower(mailbox)+".json")
	copyFile(t, filepath.Join(copied, tenant.TenantID, "connections", filepath.Base(record)), record)
	text, changes, err := cli.PlanChanges(t.Context())
	if err != nil || !changes || !strings.Contains(text, "cannot be trusted") {
		t.Errorf("with a record of before, changes: %t, %v\n%s", changes, err, text)
	}
	run("apply", "-no-color", "-input=false", "-auto-approve")
	if text, changes, err := cli.PlanChanges(t.Context()); err != nil || changes {
		t.Errorf("afterwards, the plan changes something: %v\n%s", err, text)
	}

	// And so is the old identity, before a run that still has the old passphrase.
	copyFile(t, filepath.Join(copied, "identity.age"), filepath.Join(env.Store, "identity.age"))
	cli.Environment = append(cli.Environment, "TF_VAR_store_passphrase="+acctest.Passphrase)
	text, _, err = cli.PlanChanges(t.Context())
	if err == nil || !strings.Contains(strings.Join(strings.Fields(text), " "), "another connection store") {
		t.Errorf("with the old identity and passphrase: %v\n%s", err, text)
	}
}

// renewIdentity runs the command as an operator does, and returns the new public key.
func renewIdentity(t *testing.T, cli *terraformcli.CLI, url string) (recipient string) {
	t.Helper()
	binaries, err := filepath.Glob(filepath.Join(filepath.Dir(cli.Folder), "mirror", "registry.terraform.io", "*", "*",
		"*", "*", "terraform-provider-codetwo*"))
	if err != nil || len(binaries) != 1 {
		t.Fatalf("binaries: %v, %v", binaries, err)
	}
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), binaries[0], "store", "renew-identity")
	command.Env = append(os.Environ(), "CODETWO_STORE_URL="+url, "CODETWO_STORE_PASSPHRASE="+acctest.Passphrase,
		"CODETWO_STORE_NEW_PASSPHRASE="+renewedPassphrase)
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &stdout, &stderr)
	}
	output := stdout.String() + stderr.String()
	for _, secret := range []string{acctest.Passphrase, renewedPassphrase, "the secret of", "AGE-SECRET-KEY"} {
		if strings.Contains(output, secret) {
			t.Errorf("the output holds %q:\n%s", secret, output)
		}
	}
	_, after, _ := strings.Cut(stdout.String(), "now     ")
	recipient, _, _ = strings.Cut(after, "\n")
	if !strings.HasPrefix(recipient, "age1") || !strings.Contains(stderr.String(), "1 of 1") {
		t.Fatalf("the output is\n%s", output)
	}
	return recipient
}

// opensNothing holds that an identity decrypts none of a tenant's secrets.
func opensNothing(t *testing.T, store, tenantID string, identity age.Identity) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(store, tenantID, "*", "*.age"))
	if err != nil || len(files) < 3 {
		t.Errorf("the store holds %v, %v", files, err)
	}
	for _, file := range files {
		if content, err := os.ReadFile(file); err != nil || opens(string(content), identity) {
			t.Errorf("the old identity opens %s (%v)", file, err)
		}
	}
}

// rememberAll holds that every resource of the state remembers an identity.
func rememberAll(t *testing.T, cli *terraformcli.CLI, wanted string) {
	t.Helper()
	remembers := remembered(t, cli)
	if len(remembers) < 3 {
		t.Errorf("the state remembers %v", remembers)
	}
	for address, identity := range remembers {
		if identity != wanted {
			t.Errorf("%s remembers the identity %s, and not %s", address, identity, wanted)
		}
	}
}

// remembered is which identity each resource of a state remembers, by the resource's address.
func remembered(t *testing.T, cli *terraformcli.CLI) map[string]string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(cli.Folder, "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		Resources []struct {
			Mode, Type, Name string
			Instances        []struct{ Private string }
		}
	}
	if err := json.Unmarshal(content, &state); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, resource := range state.Resources {
		for i, instance := range resource.Instances {
			if resource.Mode != "managed" {
				continue
			}
			found[fmt.Sprintf("%s.%s[%d]", resource.Type, resource.Name, i)] = identityIn(t, instance.Private)
		}
	}
	return found
}

// identityIn is the store's public key in a private state: JSON in base64, whose values are JSON in base64.
func identityIn(t *testing.T, private string) string {
	t.Helper()
	content, err := base64.StdEncoding.DecodeString(private)
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string][]byte
	if err := json.Unmarshal(content, &keys); err != nil {
		t.Fatal(err)
	}
	var remembered struct{ Identity string }
	if err := json.Unmarshal(keys["store"], &remembered); err != nil {
		t.Fatalf("%s: %v", content, err)
	}
	return remembered.Identity
}

// openRenewed is the identity that age -d shows with the new passphrase.
func openRenewed(t *testing.T, folder string) age.Identity {
	t.Helper()
	passphrase, err := age.NewScryptIdentity(renewedPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	text := decrypt(t, passphrase, filepath.Join(folder, "identity.age"))
	identities, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil || len(identities) != 1 {
		t.Fatalf("identity.age holds %d identities, %v", len(identities), err)
	}
	return identities[0]
}
