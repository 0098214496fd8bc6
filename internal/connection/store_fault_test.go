package connection

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tf "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/expect"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/storetest"
)

func TestAccTargetConnection_StoreThatIsAFileIsNamedAtPlan(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.folder = filepath.Join(t.TempDir(), "store")
	env.must(os.WriteFile(env.folder, []byte("notes"), 0o600))
	env.play(tf.TestStep{Config: connection(byThumbprint), PlanOnly: true,
		ExpectError: expect.Error("is a file; the connection store needs a folder there")})
	if content, err := os.ReadFile(env.folder); err != nil || string(content) != "notes" {
		t.Errorf("the file holds %q, %v", content, err)
	}
}

func TestAccTargetConnection_RecordOfANewerSchemaIsRefusedAndUntouchedByPlanApplyAndDestroy(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	record := env.path(env.open().RecordURL(tenantID, mailbox))
	var old, newer []byte
	refusal := expect.Error("migration@contoso.onmicrosoft.com.json was written by a newer version of this provider " +
		"(schema version 3; this one knows 2): upgrade the provider")
	replace := func() {
		var err error
		old, err = os.ReadFile(record)
		env.must(err)
		newer = []byte(strings.Replace(string(old), `"schema_version": 2`, `"schema_version": 3, "cloud": "new"`, 1))
		env.must(os.WriteFile(record, newer, 0o600))
	}
	untouched := func() {
		if now, err := os.ReadFile(record); err != nil || string(now) != string(newer) {
			t.Errorf("%v: the record is now\n%s", err, now)
		}
	}
	const changed = `name = "changed"`
	env.play(
		tf.TestStep{Config: connection(byThumbprint)},
		tf.TestStep{PreConfig: replace, Config: connection(byThumbprint), PlanOnly: true, ExpectError: refusal},
		tf.TestStep{PreConfig: untouched, Config: connection(byThumbprint, changed), ExpectError: refusal},
		tf.TestStep{PreConfig: untouched, Config: connection(byThumbprint), Destroy: true, ExpectError: refusal},
		tf.TestStep{
			PreConfig: func() { untouched(); env.must(os.WriteFile(record, old, 0o600)) },
			Config:    connection(byThumbprint), ConfigPlanChecks: before(plancheck.ExpectEmptyPlan()),
		},
	)

	// Nor does a new connection take its place.
	env.must(os.WriteFile(record, newer, 0o600))
	env.play(tf.TestStep{Config: connection(byThumbprint), ExpectError: refusal})
	untouched()
}

func TestAccTargetConnection_DamagedRecordIsNamedAndTheOthersAreListedAndChanged(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	s := env.open()
	damaged := env.path(s.RecordURL(tenantID, "broken@contoso.com"))
	list := "\ndata \"codetwo_target_connections\" \"all\" { depends_on = [" + address + "] }\n"
	const data = "data.codetwo_target_connections.all"
	env.play(
		tf.TestStep{Config: connection(byThumbprint) + list},
		tf.TestStep{
			PreConfig: func() { env.must(os.WriteFile(damaged, []byte(`{"schema_version": 1,`), 0o600)) },
			Config:    connection(byThumbprint, `name = "changed"`) + list,
			Check: tf.ComposeAggregateTestCheckFunc(
				tf.TestCheckResourceAttr(data, "connections.#", "1"),
				tf.TestCheckResourceAttr(data, "connections.0.name", "changed"),
			),
		},
		tf.TestStep{
			Config: strings.ReplaceAll(connection(byThumbprint, `mailbox = "broken@contoso.com"`), `"test"`, `"broken"`) +
				connection(byThumbprint, `name = "changed"`),
			ExpectError: expect.Error("broken@contoso.com.json cannot be trusted", "it has the mailbox's name"),
		},
		tf.TestStep{
			ResourceName: "codetwo_target_connection.broken", ImportState: true,
			ImportStateId: tenantID + "/broken@contoso.com",
			Config: strings.ReplaceAll(connection(byThumbprint, `mailbox = "broken@contoso.com"`), `"test"`, `"broken"`) +
				connection(byThumbprint, `name = "changed"`),
			ExpectError: expect.Error("broken@contoso.com.json cannot be trusted", "it cannot be imported"),
		},
	)
	if content, err := os.ReadFile(damaged); err != nil || string(content) != `{"schema_version": 1,` {
		t.Errorf("the damaged record is %q, %v", content, err)
	}
}

func TestAccTargetConnection_HostileMailboxesAreKeptSafelyOrRefusedClearly(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	kept := []string{
		"CON.com@x.com", "con.x@x.com", "com1.x@x.com", "aux@x.com", "100%25@x.com", "%2e%2e%2f@x.com", "o'neil@x.com",
		"a*?|b@x.com",
		strings.Repeat("a", 65) + "@x.com", strings.Repeat("a", 240) + "@x.com", strings.Repeat("a", 239) + "b@x.com",
		"jürgen@x.com", "\u0430dmin@x.com", "admin@x.com",
	}
	quoted := make([]string, len(kept))
	for i, mailbox := range kept {
		quoted[i] = fmt.Sprintf("%q", strings.ReplaceAll(mailbox, "%{", "%%{"))
	}
	before := env.everything()
	all := fmt.Sprintf("locals { all = [%s] }\n", strings.Join(quoted, ", ")) + strings.NewReplacer(
		`"test" {`, "\"test\" {\n  count = length(local.all)", fmt.Sprintf("%q",
			mailbox), "local.all[count.index]").Replace(connection(bySecret(secret, 1)...))
	env.play(tf.TestStep{Config: all, Check: func(*terraform.State) error {
		for _, mailbox := range kept {
			c, err := env.open().Connection(t.Context(), tenantID, mailbox, 0)
			if err != nil || c.Mailbox != mailbox {
				return fmt.Errorf("%q: %q, %w", mailbox, c.Mailbox, err)
			}
			if stored, err := env.secretOf(mailbox); err != nil || stored != secret {
				return fmt.Errorf("%q: %q, %w", mailbox, stored, err)
			}
		}
		records, err := filepath.Glob(filepath.Join(env.folder, tenantID, "connections", "*.json"))
		if err != nil || len(records) != len(kept) {
			return fmt.Errorf("%d records of %d mailboxes (%w)", len(records), len(kept), err)
		}
		return nil
	}})
	if after := env.everything(); after != before {
		t.Errorf("outside the store there were %s, and are %s", before, after)
	}

	for mailbox, why := range map[string]string{
		"../../etc/passwd@x.com": "is not a mailbox's e-mail address", "a@x.com.": "is not a mailbox's e-mail address",
		"a @x.com": "a space or an invisible character",
		"a@x.com ": "a space or an invisible character", "aux": "is not a mailbox's e-mail address",
		"a\u202e@x.com": "U+202E", "a\u200f@x.com": "U+200F",
		"\u0130stanbul@x.com": "looks like the letter i", `a\..\b@x.com`: "it is not a bare address",
		"a/b@x.com": "it is not a bare address", "a:b@x.com": "it is not a bare address",
		"<b>@x.com": "it is not a bare address", strings.Repeat("a", 320) + "@x.com": "longer than 254 characters",
	} {
		env.play(tf.TestStep{Config: connection(byThumbprint, fmt.Sprintf("mailbox = %q", mailbox)), PlanOnly: true,
			ExpectError: expect.Error(why)})
	}
}

// everything are the names in the folders above the store.
func (env *env) everything() string {
	env.t.Helper()
	var names []string
	for folder := filepath.Dir(
		env.folder); len(folder) > len(filepath.Clean(os.TempDir())); folder = filepath.Dir(folder) {
		entries, err := os.ReadDir(folder)
		env.must(err)
		for _, entry := range entries {
			names = append(names, filepath.Join(folder, entry.Name()))
		}
	}
	return strings.Join(names, " ")
}

func TestAccTargetConnection_WrongPassphraseIsToldFromADamagedKeyAndAnotherStores(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	identity := filepath.Join(env.folder, "identity.age")
	content := env.read(identity)
	strangers := t.TempDir()
	storetest.Make(t, strangers, passphrase)
	stranger := env.read(filepath.Join(strangers, "identity.age"))
	put := func(file string, content []byte) { env.must(os.WriteFile(file, content, 0o600)) }
	config := connection(bySecret(secret, 1)...)
	env.play(
		tf.TestStep{
			PreConfig: func() { env.passphrase = "wrong horse battery" }, Config: config,
			ExpectError: expect.Error("identity.age: the passphrase does not open the connection store"),
		},
		tf.TestStep{
			PreConfig: func() { env.passphrase = passphrase; put(identity, content[:len(content)/2]) }, Config: config,
			ExpectError: expect.Error("identity.age cannot be trusted", "restore it from a backup"),
		},
		tf.TestStep{PreConfig: func() { put(identity, content) }, Config: config},
		tf.TestStep{
			PreConfig: func() { put(identity, stranger) }, Config: config, PlanOnly: true,
			ExpectError: expect.Error("identity.age belongs to another connection store"),
		},
		tf.TestStep{
			PreConfig: func() { env.must(os.Remove(identity)) }, Config: connection(bySecret(secret, 2)...),
			ExpectError: expect.Error("identity.age is missing"),
		},
		tf.TestStep{PreConfig: func() { put(identity, content) }, Config: config,
			ConfigPlanChecks: before(plancheck.ExpectEmptyPlan())},
	)
}
