package connection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	tf "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/expect"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

// opens is a check that the store opens the key of the certificate.
func (env *env) opens(*terraform.State) error {
	_, err := env.open().KeyPair(env.t.Context(), tenantID, certificate.Thumbprint(pair().Certificate))
	return err
}

// files are the paths of the connection's files.
func (env *env) files() store.Files {
	env.t.Helper()
	files, err := store.ConnectionFiles(tenantID, mailbox, certificate.Thumbprint(pair().Certificate))
	env.must(err)
	for _, name := range []*string{
		&files.Identity, &files.PFX, &files.Password, &files.HandoffScript, &files.HandoffSheet, &files.Secret,
	} {
		*name = filepath.Join(env.folder, filepath.FromSlash(*name))
	}
	return files
}

func TestAccTargetConnection_ReplacedConnectionKeepsTheOnlyCopyOfItsKey(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	file, attributes := env.pfx(pair())
	again := func(trigger string, attributes ...string) string {
		return `resource "terraform_data" "trigger" { input = "` + trigger + `" }` + "\n" +
			connection(append(attributes, "lifecycle { replace_triggered_by = [terraform_data.trigger] }")...)
	}
	expires := tf.TestCheckResourceAttr(address, "certificate_not_after", "2030-11-20T10:00:00Z")
	whole := tf.ComposeAggregateTestCheckFunc(env.opens, expires)
	named := attributes[0]
	env.play(
		tf.TestStep{Config: again("one", attributes...), Check: whole},
		tf.TestStep{Config: again("two", attributes...), Check: whole}, // by itself, from the file
		tf.TestStep{Config: again("two", named), Check: whole},
		tf.TestStep{Config: again("three", named), ConfigPlanChecks: before(planned(plancheck.ResourceActionReplace)),
			Check: whole},
		tf.TestStep{Config: again("three", named, `mailbox = "other@contoso.com"`),
			ConfigPlanChecks: before(planned(plancheck.ResourceActionReplace)), Check: whole},
		tf.TestStep{Config: again("three", append(slices.Clone(attributes), `mailbox = "other@contoso.com"`)...),
			Check: whole},
		tf.TestStep{ // the path is there and the file is not: nothing is replaced
			PreConfig:   func() { env.must(os.Remove(file)) },
			Config:      again("four", append(slices.Clone(attributes), `mailbox = "other@contoso.com"`)...),
			ExpectError: expect.Error("cannot be read"),
		},
	)
	if err := env.opens(nil); err != nil {
		t.Errorf("destroying lost the only copy: %v", err)
	}
}

func TestAccTargetConnection_ImportMendsAPairThatDoesNotOpen(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	_, attributes := env.pfx(pair())
	env.play(
		tf.TestStep{Config: connection(attributes...), Check: env.opens},
		tf.TestStep{
			PreConfig: func() { env.must(os.Remove(env.files().Password)) },
			Config:    connection(attributes...), ConfigPlanChecks: before(planned(plancheck.ResourceActionUpdate)),
			Check: env.opens,
		},
		tf.TestStep{ // which only opening it tells
			PreConfig: func() { env.must(os.WriteFile(env.files().PFX, []byte("damaged"), 0o600)) },
			Config:    connection(append(attributes, "certificate_pfx_password_wo_version = 2")...), Check: env.opens,
		},
	)
}

func TestAccTargetConnection_SharingThatFailedIsDoneByTheNextApply(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	_, attributes := env.pfx(pair())
	person, err := age.GenerateX25519Identity()
	env.must(err)
	shared := append(slices.Clone(attributes), fmt.Sprintf("handoff_recipients = [%q]", person.Recipient()))
	openTo := func(want bool) tf.TestCheckFunc {
		return func(*terraform.State) error {
			content, err := os.ReadFile(env.files().Password)
			if err != nil {
				return err
			}
			if got := env.decrypts(content, person); got != want {
				return fmt.Errorf("he opens the password: %t", got)
			}
			return nil
		}
	}
	wrong := func() { env.passphrase = "wrong horse battery" }
	right := func() { env.passphrase = passphrase }
	env.play(
		tf.TestStep{Config: connection(shared...), Check: openTo(true)},
		tf.TestStep{PreConfig: wrong, Config: connection(attributes...),
			ExpectError: expect.Error("passphrase does not open")},
		tf.TestStep{PreConfig: right, RefreshState: true, ExpectNonEmptyPlan: true}, // nor is it forgotten by -refresh-only
		tf.TestStep{Config: connection(attributes...), ConfigPlanChecks: before(planned(plancheck.ResourceActionUpdate)),
			Check: openTo(false)},
		tf.TestStep{Config: connection(attributes...), ConfigPlanChecks: before(plancheck.ExpectEmptyPlan())},
	)
}

func (env *env) decrypts(content []byte, person age.Identity) bool {
	env.t.Helper()
	_, err := age.Decrypt(armored(content), person)
	return err == nil
}

func TestAccTargetConnection_RemovedRecipientKnowsNoPasswordAnyMore(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	_, attributes := env.pfx(pair())
	person, err := age.GenerateX25519Identity()
	env.must(err)
	shared := append(slices.Clone(attributes), fmt.Sprintf("handoff_recipients = [%q]", person.Recipient()))
	var known string
	env.play(
		tf.TestStep{Config: connection(shared...), Check: func(*terraform.State) error {
			plain, err := age.Decrypt(armored(env.read(env.files().Password)), person)
			if err != nil {
				return err
			}
			password, err := io.ReadAll(plain)
			known = string(password)
			_, opens := certificate.DecodePFX(env.read(env.files().PFX), known)
			return errors.Join(err, opens)
		}},
		tf.TestStep{Config: connection(attributes...), Check: env.opens},
		tf.TestStep{Config: connection(attributes...), ConfigPlanChecks: before(plancheck.ExpectEmptyPlan()),
			Check: func(*terraform.State) error {
				if _, err := certificate.DecodePFX(env.read(env.files().PFX), known); err == nil {
					return errors.New("the PFX has the password that the recipient knows")
				}
				return nil
			}},
	)
}

// read is a file's content.
func (env *env) read(path string) []byte {
	env.t.Helper()
	content, err := os.ReadFile(path)
	env.must(err)
	return content
}

func TestAccTargetConnection_ReplacementThatTakesItsKeyAlongKeepsToItsPlan(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	file, attributes := env.pfx(pair())
	env.play(
		tf.TestStep{Config: connection(attributes...)},
		tf.TestStep{ // the file that the key can be had from again is there, so the old connection takes it away
			Config:           connection(attributes[0], `mailbox = "other@contoso.com"`),
			ConfigPlanChecks: before(planned(plancheck.ResourceActionReplace), unknown("certificate_not_after")),
			Check:            tf.TestCheckNoResourceAttr(address, "certificate_not_after"),
		},
	)
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestAccTargetConnection_ConnectionsWithOneCertificateAreAlikeInWhateverOrderTheyAreMade(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	_, attributes := env.pfx(pair())
	person, err := age.GenerateX25519Identity()
	env.must(err)
	first := strings.Replace(connection(attributes[0], `mailbox = "first@contoso.com"`,
		fmt.Sprintf("handoff_recipients = [%q]", person.Recipient())), `"test"`, `"first"`, 1)
	second := connection(append(attributes, `depends_on = [codetwo_target_connection.first]`)...)
	complete := func(*terraform.State) error {
		for _, mailbox := range []string{mailbox, "first@contoso.com"} {
			c, err := env.open().Connection(t.Context(), tenantID, mailbox, 0)
			if err != nil {
				return err
			}
			if err := env.open().CheckHandoff(t.Context(), c); err != nil {
				return fmt.Errorf("the hand-off of %s: %w", mailbox, err)
			}
			sheet, err := os.ReadFile(env.path(env.open().HandoffURL(tenantID, mailbox)))
			if err != nil {
				return err
			}
			if !strings.Contains(string(sheet), "2030-11-20") {
				return fmt.Errorf("the sheet of %s has to say when the certificate ends:\n%s", mailbox, sheet)
			}
		}
		return nil
	}
	env.play(
		tf.TestStep{Config: first + second, Check: complete},
		tf.TestStep{Config: first + second, ConfigPlanChecks: before(plancheck.ExpectEmptyPlan())},
		tf.TestStep{ // whom only one of them names loses his right with it
			Config: connection(attributes...),
			Check: func(*terraform.State) error {
				content, err := os.ReadFile(env.files().Password)
				if err == nil && env.decrypts(content, person) {
					err = errors.New("he still opens the password")
				}
				return errors.Join(err, env.opens(nil))
			},
		},
		tf.TestStep{Config: connection(attributes...), ConfigPlanChecks: before(plancheck.ExpectEmptyPlan())},
	)
}

func TestAccTargetConnection_HandoffThatIsNotWholeIsWrittenAgain(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	_, attributes := env.pfx(pair())
	steps := []tf.TestStep{{Config: connection(attributes...)}}
	for _, spoil := range []func(){
		func() { env.must(os.Remove(env.files().HandoffScript)) },
		func() { env.must(os.Truncate(env.files().HandoffSheet, 1000)) },
	} {
		steps = append(steps,
			// -refresh-only does not take it for repaired
			tf.TestStep{PreConfig: spoil, RefreshState: true, ExpectNonEmptyPlan: true},
			tf.TestStep{Config: connection(attributes...), ConfigPlanChecks: before(planned(plancheck.ResourceActionUpdate))},
			tf.TestStep{Config: connection(attributes...), ConfigPlanChecks: before(plancheck.ExpectEmptyPlan())})
	}
	env.play(steps...)
}

func TestAccTargetConnection_StoreThatMovedIsChangedWhereItIs(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.play(
		tf.TestStep{Config: connection(byThumbprint)},
		tf.TestStep{
			PreConfig: func() {
				env.must(os.Rename(env.folder, env.folder+" moved"))
				env.folder += " moved"
			},
			Config: connection(byThumbprint, `name = "renamed"`),
			Check: tf.ComposeAggregateTestCheckFunc(
				tf.TestCheckResourceAttrWith(address, "record_url", env.fileExists),
				tf.TestCheckResourceAttrWith(address, "handoff_url", env.fileExists)),
		},
		tf.TestStep{ // and the plan could not look
			PreConfig: func() {
				env.must(os.Rename(env.folder, env.folder+" again"))
				env.folder += " again"
				env.unknown = true
			},
			Config: connection(byThumbprint, `name = "twice"`),
			Check:  tf.TestCheckResourceAttrWith(address, "handoff_url", env.fileExists),
		},
		tf.TestStep{PreConfig: func() { env.unknown = false }, Config: connection(byThumbprint, `name = "twice"`)},
	)
}

func TestAccTargetConnection_StoreThatIsNotThereEmptiesNoState(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	away := func() { env.must(os.Rename(env.folder, env.folder+".away")) }
	back := func() { env.must(errors.Join(os.RemoveAll(env.folder), os.Rename(env.folder+".away", env.folder))) }
	env.play(
		tf.TestStep{Config: connection(bySecret(secret, 1)...)},
		tf.TestStep{PreConfig: away, Config: connection(bySecret(secret, 1)...), PlanOnly: true,
			ExpectError: expect.Error("There is no connection store at", "was last seen at", "Mount the folder")},
		tf.TestStep{PreConfig: func() { env.must(os.Mkdir(env.folder, 0o700)) }, Config: connection(bySecret(secret, 1)...),
			Destroy:     true,
			ExpectError: expect.Error("There is no connection store at")},
		tf.TestStep{PreConfig: back, Config: connection(bySecret(secret, 1)...),
			ConfigPlanChecks: before(plancheck.ExpectEmptyPlan())},
	)
	if left := env.left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// left are the files of the tenant.
func (env *env) left() []string {
	env.t.Helper()
	names, err := filepath.Glob(filepath.Join(env.folder, tenantID, "*", "*"))
	env.must(err)
	return names
}

func TestAccTargetConnection_RecordDeletedBesideItsSecretIsMadeAgain(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	remove := func() { env.must(os.Remove(env.path(env.open().RecordURL(tenantID, mailbox)))) }
	config := connection(bySecret(secret, 1)...)
	env.play(
		tf.TestStep{Config: config},
		tf.TestStep{PreConfig: remove, Config: config, ConfigPlanChecks: before(planned(plancheck.ResourceActionUpdate)),
			Check: func(*terraform.State) error {
				stored, err := env.secret()
				if err == nil && (stored != secret || env.record().ClientID != clientID) {
					err = fmt.Errorf("the secret is %q, the record %+v", stored, env.record())
				}
				return err
			}},
		tf.TestStep{Config: config, ConfigPlanChecks: before(plancheck.ExpectEmptyPlan())},
		tf.TestStep{PreConfig: remove, Config: config, Destroy: true},
	)
	if left := env.left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestAccTargetConnection_KeyIsThereForWhoeverNamesItWhileAnotherConnectionGoes(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	s, err := env.Store()
	env.must(err)
	file, _ := env.pfx(pair())
	model := func(mailbox string) *Model {
		return &Model{
			TenantID: types.StringValue(tenantID), Mailbox: types.StringValue(mailbox), ClientID: types.StringValue(clientID),
			Name:                   types.StringValue("x"),
			CredentialType:         types.StringValue(store.CredentialCertificate),
			CertificateThumbprint:  types.StringValue(certificate.Thumbprint(pair().Certificate)),
			CertificatePFXPath:     types.StringValue(file),
			CertificatePFXPassword: types.StringValue("pfx-password"),
			PublicFolderPaths:      types.SetNull(types.StringType), HandoffRecipients: types.SetNull(types.StringType),
		}
	}
	create := func(ctx context.Context, m *Model) {
		var diags diag.Diagnostics
		(&writer{store: s, directory: &tenant{}, now: today, plan: m, config: m, diags: &diags}).create(ctx, "owner")
		if diags.HasError() {
			t.Error(diags)
		}
	}
	going := model("m0@contoso.com")
	create(t.Context(), going)
	for i := range 20 {
		coming := model(fmt.Sprintf("m%d@contoso.com", i+1))
		var both sync.WaitGroup
		both.Go(func() {
			var diags diag.Diagnostics
			remove(t.Context(), s, going, tfvalidate.Remembered{}, "owner", today, &diags)
			if len(diags) > 0 {
				t.Error(diags)
			}
		})
		both.Go(func() { create(t.Context(), coming) })
		both.Wait()
		if err := env.opens(nil); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		going = coming
	}
}
