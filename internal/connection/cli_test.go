package connection

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/expect"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/reattach"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

// session is a person at the command line, who sees what Terraform prints.
type session struct {
	*env
	cli *terraformcli.CLI
}

func (env *env) session() *session {
	env.t.Helper()
	s := &session{env, reattach.CLI(env.t, func() tfprotov6.ProviderServer { return providerserver.NewProtocol6(env)() })}
	s.configure("")
	s.run("init", "-input=false")
	return s
}

func (s *session) configure(config string) {
	s.t.Helper()
	s.must(os.WriteFile(filepath.Join(s.cli.Folder, "main.tf"), []byte(config), 0o600))
}

// run returns what a command prints, with each run of white space as one space, and fails the test if the command
// fails.
func (s *session) run(arguments ...string) string {
	s.t.Helper()
	output, err := s.cli.Run(s.t.Context(), append(arguments, "-no-color")...)
	s.must(err)
	return unwrapped(output)
}

// refused returns what a command prints that fails.
func (s *session) refused(arguments ...string) string {
	s.t.Helper()
	output, err := s.cli.Run(s.t.Context(), append(arguments, "-no-color")...)
	if err == nil {
		s.t.Fatalf("terraform %s succeeded:\n%s", strings.Join(arguments, " "), output)
	}
	return unwrapped(output)
}

func (s *session) apply(config string) string {
	s.t.Helper()
	s.configure(config)
	return s.run("apply", "-auto-approve", "-input=false")
}

// unchanged checks that a plan has nothing to do, and returns what it prints.
func (s *session) unchanged() string {
	s.t.Helper()
	text, changes, err := s.cli.PlanChanges(s.t.Context())
	s.must(err)
	if changes {
		s.t.Fatalf("the plan is not empty:\n%s", text)
	}
	return unwrapped(text)
}

func unwrapped(output string) string {
	return strings.Join(strings.Fields(regexp.MustCompile(`[│╷╵]`).ReplaceAllString(output, " ")), " ")
}

func says(t *testing.T, output string, things ...string) {
	t.Helper()
	if !expect.Error(things...).MatchString(output) {
		t.Errorf("it does not say %q, in this order:\n%s", things, output)
	}
}

func TestAccTargetConnection_ACredentialThatEndsWithinSixtyDaysIsAWarningInEveryPlan(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	s := env.session()
	soon := newPair(today.AddDate(-1, 0, 0), today.AddDate(0, 0, 60))
	later := newPair(today.AddDate(-1, 0, 0), today.AddDate(0, 0, 61))
	_, ending := env.pfx(soon)
	_, lasting := env.pfx(later)
	until := func(date string) string {
		return connection(append(bySecret(secret, 1), fmt.Sprintf("client_secret_expires_at = %q", date))...)
	}
	named := func(p *certificate.Pair) string {
		return connection(fmt.Sprintf("certificate_thumbprint = %q", certificate.Thumbprint(p.Certificate)))
	}
	for _, c := range []struct {
		config string
		says   []string // nil: nothing
	}{
		{connection(ending...), []string{"Warning: The certificate " + certificate.Thumbprint(soon.Certificate) +
			" ends soon", mailbox, "ends on 2027-01-19"}},
		{named(soon), []string{"ends soon", "2027-01-19"}},
		{connection(lasting...), nil},
		{until("2027-01-19T10:00:00Z"), []string{"Warning: The client secret of " + mailbox + " ends soon",
			"client_secret_expires_at", "2027-01-19"}},
		{until("2026-11-19T00:00:00Z"), []string{"Warning: The client secret of " + mailbox + " has ended",
			"ended on 2026-11-19"}},
		{until("2027-01-20T10:00:00Z"), nil},
		{connection(byThumbprint), nil}, // whose end nobody knows
	} {
		s.configure(c.config)
		planned := s.run("plan", "-input=false", "-out=saved.tfplan")
		s.run("apply", "-input=false", "saved.tfplan")
		for _, output := range []string{planned, s.unchanged()} {
			if c.says != nil {
				says(t, output, c.says...)
			} else if strings.Contains(output, "Warning:") {
				t.Errorf("a warning without a reason:\n%s", output)
			}
		}
	}

	// A new connection with a certificate whose key is in the store already, as an app registration puts it there.
	s.configure("")
	s.run("apply", "-auto-approve")
	env.must(env.open().SaveCertificate(t.Context(), tenantID, soon, certificate.AES256, today))
	s.configure(named(soon))
	says(t, s.run("plan", "-input=false"), "will be created", "with codetwo_target_connection.test", "2027-01-19")
}

func TestAccTargetConnection_DamagedRecordShowsInThePlanAndIsRepairedByApply(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	s := env.session()
	config := connection(append(bySecret(secret, 1), `name = "Contoso"`)...)
	s.apply(config)
	record := env.path(env.open().RecordURL(tenantID, mailbox))
	sound, err := os.ReadFile(record)
	env.must(err)
	for what, damage := range map[string]string{
		"half a record":         string(sound[:len(sound)/2]),
		"an empty file":         "",
		"an unknown member":     strings.Replace(string(sound), `"name"`, `"label"`, 1),
		"another's record":      strings.Replace(string(sound), "contoso", "fabrikam", 1),
		"a version of no kind":  strings.Replace(string(sound), `"schema_version": 2`, `"schema_version": 0`, 1),
		"an owner that is gone": regexp.MustCompile(`"owner": "[^"]*"`).ReplaceAllString(string(sound), `"owner": ""`),
	} {
		env.must(os.WriteFile(record, []byte(damage), 0o600))
		s.configure(config)
		warning := "Warning: A file of the connection store cannot be trusted"
		if what == "a version of no kind" {
			warning = "Warning: Records of the connection store are not sealed yet"
		}
		says(t, s.run("plan", "-input=false"), "will be updated in-place", warning, record)
		if content, err := os.ReadFile(record); err != nil || string(content) != damage {
			t.Errorf("%s: planning changed the record to %s", what, content)
		}
		s.apply(config)
		s.unchanged()
		if got := env.record(); got.Name != "Contoso" || got.ClientID != clientID {
			t.Errorf("%s: after apply the record is %+v", what, got)
		}
		if got, err := env.secret(); err != nil || got != secret {
			t.Errorf("%s: after apply the secret is %q, %v", what, got, err)
		}
	}

	env.must(os.WriteFile(record, []byte("{"), 0o600))
	s.run("destroy", "-auto-approve")
	if left := env.left(); len(left) > 0 {
		t.Errorf("left by destroy: %v", left)
	}
}

func TestAccTargetConnection_RecordOfANewerProviderIsRefusedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	s := env.session()
	config := connection(append(bySecret(secret, 1), `name = "Contoso"`)...)
	s.apply(config)
	env.edit(`"schema_version": 2`, `"schema_version": 3, "from_the_future": true`)
	folder := filepath.Join(env.folder, tenantID)
	before := digest(t, folder)
	s.configure(strings.Replace(config, "Contoso", "renamed", 1))
	for _, arguments := range [][]string{
		{"plan", "-input=false"}, {"apply", "-auto-approve", "-input=false"}, {"apply", "-auto-approve", "-input=false",
			"-refresh=false"},
		{"destroy", "-auto-approve"}, {"destroy", "-auto-approve", "-refresh=false"}, {"apply", "-auto-approve",
			"-replace=" + address},
	} {
		says(t, s.refused(arguments...), "was written by a newer version of this provider (schema version 3; this one "+
			"knows 2): upgrade the provider")
	}
	if after := digest(t, folder); !bytes.Equal(before, after) {
		t.Error("the files of the connection were changed")
	}
	env.edit(`"schema_version": 3, "from_the_future": true`, `"schema_version": 2`)
}

// digest changes with any file's name or content.
func digest(t *testing.T, folder string) []byte {
	t.Helper()
	sum := sha256.New()
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		_, _ = fmt.Fprintln(sum, path, len(content), content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum.Sum(nil)
}

func TestAccTargetConnection_CreateBeforeDestroyDoesNotDeleteTheSuccessor(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	s := env.session()
	config := func(trigger string, attributes ...string) string {
		return `resource "terraform_data" "trigger" { input = "` + trigger + `" }` + "\n" +
			connection(append(append(bySecret(secret, 1), "lifecycle { \n create_before_destroy = true\n "+
				"replace_triggered_by = [terraform_data.trigger]\n }"), attributes...)...)
	}
	s.apply(config("one"))

	// The successor of another mailbox comes first, and both have what is theirs.
	s.apply(config("one", `mailbox = "second@contoso.com"`))
	if _, err := env.open().Connection(t.Context(), tenantID, mailbox, 0); err == nil {
		t.Error("the old record is there still")
	}
	if got, err := env.secretOf("second@contoso.com"); err != nil || got != secret {
		t.Errorf("the successor's secret is %q, %v", got, err)
	}
	s.apply(config("one"))

	// Another run made the record again between plan and apply: this run's old object is not the one in the store.
	s.configure(config("two"))
	s.run("plan", "-input=false", "-out=saved.tfplan")
	env.remove()
	output := s.run("apply", "saved.tfplan")
	says(t, output, "The connection was left in the store")
	if got, err := env.secret(); err != nil || got != secret {
		t.Errorf("the successor's secret is %q, %v", got, err)
	}
	s.unchanged()

	// Its own successor would need the mailbox while the old one has it. Nothing is lost, and nothing is stuck.
	s.configure(config("three"))
	says(t, s.refused("apply", "-auto-approve"), "The mailbox serves another connection", "import {",
		"remove create_before_destroy")
	if _, err := env.secret(); err != nil {
		t.Error(err)
	}
	s.unchanged()
	s.run("destroy", "-auto-approve")
	if left := env.left(); len(left) > 0 {
		t.Errorf("left by destroy: %v", left)
	}
}

func TestAccTargetConnection_TheListNamesADamagedRecordAndShowsTheOthers(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	s := env.session()
	for _, address := range []string{"first@contoso.com", "second@contoso.com", "third@contoso.com"} {
		env.create(store.Connection{TenantID: tenantID, Mailbox: address, Name: address, ClientID: clientID,
			CredentialType: store.CredentialClientSecret, Owner: "somebody"}, secret)
	}
	damaged := env.path(env.open().RecordURL(tenantID, "second@contoso.com"))
	env.must(os.WriteFile(damaged, []byte("<<<<<<< HEAD"), 0o600))
	output := s.apply(`data "codetwo_target_connections" "all" {}
output "mailboxes" { value = data.codetwo_target_connections.all.connections[*].mailbox }`)
	says(t, output, "Warning: A connection was omitted", damaged)
	says(t, output, `mailboxes = tolist([ "first@contoso.com", "third@contoso.com", ])`)
}
