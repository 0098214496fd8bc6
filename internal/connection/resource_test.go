package connection

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	tf "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/expect"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

func before(checks ...plancheck.PlanCheck) tf.ConfigPlanChecks {
	return tf.ConfigPlanChecks{PreApply: checks}
}

func planned(action plancheck.ResourceActionType) plancheck.PlanCheck {
	return plancheck.ExpectResourceAction(address, action)
}

func unknown(attribute string) plancheck.PlanCheck {
	return plancheck.ExpectUnknownValue(address, tfjsonpath.New(attribute))
}

func TestAccTargetConnection_IsCreatedChangedImportedAndDeleted(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	var first string
	env.play(
		tf.TestStep{
			Config:           connection(byThumbprint),
			ConfigPlanChecks: before(planned(plancheck.ResourceActionCreate), unknown("id"), unknown("revision")),
			Check: tf.ComposeAggregateTestCheckFunc(
				tf.TestCheckResourceAttr(address, "id", strings.ToLower(tenantID+"/"+mailbox)),
				tf.TestCheckResourceAttr(address, "name", "contoso.onmicrosoft.com"),
				tf.TestCheckResourceAttr(address, "credential_type", "certificate"),
				tf.TestCheckResourceAttr(address, "migrate_public_folders", "false"),
				tf.TestCheckNoResourceAttr(address, "certificate_not_after"),
				tf.TestCheckResourceAttrWith(address, "revision", func(value string) error { first = value; return nil }),
				tf.TestCheckResourceAttrWith(address, "record_url", env.fileExists),
				tf.TestCheckResourceAttrWith(address, "handoff_url", env.fileExists),
			),
		},
		tf.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		tf.TestStep{
			Config:           connection(byThumbprint, `name = "Contoso"`, "migrate_public_folders = true"),
			ConfigPlanChecks: before(planned(plancheck.ResourceActionUpdate), unknown("revision")),
			Check: tf.TestCheckResourceAttrWith(address, "revision", func(value string) error {
				if value == first || env.record().Revision != value || env.record().Name != "Contoso" {
					return fmt.Errorf("revision %s, record %+v", value, env.record())
				}
				return nil
			}),
		},
		tf.TestStep{ // what is removed returns to its default
			Config: connection(byThumbprint),
			Check:  tf.TestCheckResourceAttr(address, "name", "contoso.onmicrosoft.com"),
		},
	)
	if left, _, err := env.open().Connections(t.Context(), ""); len(left) != 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
}

func (env *env) fileExists(url string) error {
	_, err := os.Stat(env.path(url))
	return err
}

func TestAccTargetConnection_SpellingAloneChangesNothing(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	pairs := func(separator string) string {
		var parts []string
		for i := 0; i < len(thumbprint); i += 2 {
			parts = append(parts, thumbprint[i:i+2])
		}
		return strings.Join(parts, separator)
	}
	steps := []tf.TestStep{}
	for _, spelled := range []string{
		strings.ToLower(thumbprint),              // the Entra portal, the certificate dialog of Windows 11
		"\u200e" + strings.ToLower(pairs(" ")),   // the certificate dialog of older Windows, with its left-to-right mark
		pairs(":"),                               // openssl
		" " + pairs("\u00a0") + "\u200f\ufeff\t", // a web page, a chat
		thumbprint,
	} {
		step := tf.TestStep{Config: connection(fmt.Sprintf("certificate_thumbprint = %q", spelled))}
		if len(steps) > 0 {
			step.ConfigPlanChecks = before(plancheck.ExpectEmptyPlan())
		} else {
			step.Check = func(*terraform.State) error {
				if got := env.record().CertificateThumbprint; got != thumbprint {
					return fmt.Errorf("the record has %q", got)
				}
				return nil
			}
		}
		steps = append(steps, step)
	}
	for _, attribute := range []string{
		fmt.Sprintf("mailbox = %q", strings.ToUpper(mailbox)), fmt.Sprintf("tenant_id = %q", strings.ToUpper(tenantID)),
		fmt.Sprintf("client_id = %q", strings.ToUpper(clientID)),
	} {
		steps = append(steps, tf.TestStep{Config: connection(byThumbprint, attribute),
			ConfigPlanChecks: before(plancheck.ExpectEmptyPlan())})
	}
	// What really changes keeps the spelling of the rest.
	steps = append(steps, tf.TestStep{
		Config:           connection(byThumbprint, `name = "renamed"`, fmt.Sprintf("mailbox = %q", strings.ToUpper(mailbox))),
		ConfigPlanChecks: before(planned(plancheck.ResourceActionUpdate)),
		Check: tf.ComposeAggregateTestCheckFunc(
			tf.TestCheckResourceAttr(address, "certificate_thumbprint",
				strings.ToLower(thumbprint)), tf.TestCheckResourceAttr(address, "mailbox", mailbox)),
	})
	env.play(steps...)
}

func TestAccTargetConnection_AnotherTenantOrMailboxIsAnotherConnection(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.play(
		tf.TestStep{Config: connection(byThumbprint)},
		tf.TestStep{
			Config:           connection(byThumbprint, `mailbox = "other@contoso.com"`),
			ConfigPlanChecks: before(planned(plancheck.ResourceActionReplace)),
			Check:            tf.TestCheckResourceAttr(address, "id", tenantID+"/other@contoso.com"),
		},
		tf.TestStep{
			Config:           connection(byThumbprint, `mailbox = "other@contoso.com"`, fmt.Sprintf("tenant_id = %q", clientID)),
			ConfigPlanChecks: before(planned(plancheck.ResourceActionReplace)),
			Check:            tf.TestCheckResourceAttr(address, "id", clientID+"/other@contoso.com"),
		},
	)
}

func TestAccTargetConnection_CanBeReplacedByItself(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	config := func(trigger string) string {
		return `resource "terraform_data" "trigger" { input = "` + trigger + `" }` + "\n" +
			connection(byThumbprint, "lifecycle { replace_triggered_by = [terraform_data.trigger] }")
	}
	env.play(
		tf.TestStep{Config: config("one")},
		tf.TestStep{Config: config("two"), ConfigPlanChecks: before(planned(plancheck.ResourceActionReplace))},
	)
}

func TestAccTargetConnection_AMomentInTheTimeOfAnotherZoneChangesNothing(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	until := func(moment string) string {
		return connection(append(bySecret(secret, 1), fmt.Sprintf("client_secret_expires_at = %q", moment))...)
	}
	spelled := func(want string) tf.TestCheckFunc {
		return tf.TestCheckResourceAttr(address, "client_secret_expires_at", want)
	}
	const first, other = "2027-11-30T12:00:00.5Z", "2027-11-30T14:00:00.5+02:00"
	env.play(
		tf.TestStep{Config: until(first), Check: spelled(first)},
		tf.TestStep{Config: until(other), ConfigPlanChecks: before(plancheck.ExpectEmptyPlan()), Check: spelled(first)},
		tf.TestStep{
			Config:           until("2027-11-30T14:00:00+00:00"),
			ConfigPlanChecks: before(planned(plancheck.ResourceActionUpdate)), Check: spelled("2027-11-30T14:00:00+00:00"),
		},
	)
}

func TestAccTargetConnection_SecretIsInTheStoreOnlyAndFollowsItsVersion(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	holds := func(want string) tf.TestCheckFunc {
		return func(state *terraform.State) error {
			stored, err := env.secret()
			if err != nil {
				return err
			}
			if stored != want {
				return fmt.Errorf("the store holds %q", stored)
			}
			if strings.Contains(state.String(), want) {
				return fmt.Errorf("the state shows the secret:\n%s", state)
			}
			return nil
		}
	}
	env.play(
		tf.TestStep{Config: connection(bySecret(secret, 1)...), Check: holds(secret)},
		tf.TestStep{Config: connection(bySecret("another", 1)...), ConfigPlanChecks: before(plancheck.ExpectEmptyPlan())},
		tf.TestStep{Config: connection(append(bySecret("another", 1), `name = "renamed"`)...), Check: holds(secret)},
		tf.TestStep{Config: connection(bySecret("another", 2)...), ConfigPlanChecks: before(unknown("revision")),
			Check: holds("another")},
		tf.TestStep{
			Config:                               connection(bySecret("another", 2)...),
			ResourceName:                         address,
			ImportState:                          true,
			ImportStateVerify:                    true,
			ImportStateVerifyIgnore:              []string{"client_secret_wo_version"},
			ImportStateVerifyIdentifierAttribute: "id",
		},
		tf.TestStep{ // a secret that somebody deleted is written again
			PreConfig: func() {
				env.must(os.Remove(filepath.Join(env.folder, tenantID, "connections", strings.ToLower(mailbox)+".secret.age")))
			},
			Config: connection(bySecret("another", 2)...), Check: holds("another"),
		},
		tf.TestStep{Config: connection(byThumbprint), Check: tf.TestCheckResourceAttr(address, "credential_type",
			"certificate")},
		// and destroys without one that could be used
		tf.TestStep{PreConfig: func() { env.passphrase = "short" }, Config: connection(byThumbprint)},
	)
}

func TestAccTargetConnection_HasExactlyOneCredential(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	file, _ := env.pfx(pair())
	for config, want := range map[string]string{
		connection(): "No credential",
		connection(append(bySecret(secret, 1), byThumbprint)...):                                   "Two credentials",
		connection(append(bySecret(secret, 1), fmt.Sprintf("certificate_pfx_path = %q", file))...): "Two credentials",
		connection(
			`client_secret_wo = "x"`): "client_secret_wo_version",
		connection(byThumbprint,
			"client_secret_wo_version = 1"): `"client_secret_wo" must be specified`,
		connection(byThumbprint,
			`client_secret_expires_at = "2027-01-01T00:00:00Z"`): `"client_secret_wo" must be specified`,
		connection(append(bySecret(clientID, 1), "")...):    "the secret's ID",
		connection(append(bySecret(secret+"\n", 1), "")...): "trimspace",
		connection(append(bySecret(secret, 1), `client_secret_expires_at = "tomorrow"`)...): "Invalid RFC3339 " +
			"String Value",
		connection(byThumbprint, `handoff_recipients = ["AGE-SECRET-KEY-1QQQ"]`): "secret key of age",
		connection(byThumbprint, `handoff_recipients = [null]`):                  "Null Set Value",
		connection(byThumbprint,
			"mailbox = \"migration\u00a0@contoso.com\""): "invisible character (U+00A0)",
		connection(byThumbprint,
			paths(`\Sales`)): "migrate_public_folders is not true",
		connection(byThumbprint, "migrate_public_folders = false",
			paths(`\Sales`)): "migrate_public_folders is not true",
		connection(byThumbprint, "migrate_public_folders = true",
			paths(`\Sales`, `/HR/Old`)): `"/HR/Old" holds a forward slash`,
		connection(byThumbprint, "migrate_public_folders = true", paths(`Sales`)): `"\\Sales\\Archive"`,
		connection(byThumbprint, "migrate_public_folders = true", paths(`\`)): "always checked: " +
			"leave it out",
		connection(byThumbprint, "migrate_public_folders = true", paths(`\Sales`, `\SALES`)):      "are the same folder",
		connection(byThumbprint, "migrate_public_folders = true", "public_folder_paths = [null]"): "Null Set Value",
		connection(byThumbprint,
			"mailbox = \"migration\u200b@contoso.com\""): "invisible character (U+200B)",
		connection(byThumbprint, `mailbox = "migration@[127.0.0.1]"`): "not a domain's name",
		connection(fmt.Sprintf("certificate_pfx_path = %q", file), `certificate_pfx_password_wo = "pfx-password"`,
			"certificate_pfx_password_wo_version = 1"): certificate.Thumbprint(pair().Certificate),
	} {
		env.play(tf.TestStep{Config: config, PlanOnly: true, ExpectError: expect.Error(want)})
	}
}

// paths are public_folder_paths.
func paths(names ...string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return "public_folder_paths = [" + strings.Join(quoted, ", ") + "]"
}

func TestAccTargetConnection_KeepsThePathsOfPublicFolders(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	const migrate = "migrate_public_folders = true"
	const list = "\ndata \"codetwo_target_connections\" \"list\" { depends_on = [" + address + "] }\n"
	recorded := func(want ...string) tf.TestCheckFunc {
		return func(*terraform.State) error {
			if got := env.record().PublicFolderPaths; !slices.Equal(got, want) {
				return fmt.Errorf("the record has %q", got)
			}
			sheet, err := os.ReadFile(env.path(env.open().HandoffURL(tenantID, mailbox)))
			for _, path := range want {
				if err == nil && !strings.Contains(string(sheet), "<code>"+path+"</code>") {
					err = fmt.Errorf("the sheet does not name %s", path)
				}
			}
			return err
		}
	}
	two := connection(byThumbprint, migrate, paths(`\Sales\Archive`, `\HR`))
	env.play(
		tf.TestStep{Config: connection(byThumbprint, migrate), Check: tf.ComposeAggregateTestCheckFunc(recorded(),
			tf.TestCheckNoResourceAttr(address, "public_folder_paths"))},
		tf.TestStep{
			Config:           two + list,
			ConfigPlanChecks: before(planned(plancheck.ResourceActionUpdate), unknown("revision")),
			Check: tf.ComposeAggregateTestCheckFunc(recorded(`\HR`, `\Sales\Archive`), tf.TestCheckResourceAttr(address,
				"public_folder_paths.#", "2"),
				tf.TestCheckTypeSetElemAttr("data.codetwo_target_connections.list", "connections.0.public_folder_paths.*",
					`\Sales\Archive`)),
		},
		tf.TestStep{Config: connection(byThumbprint, migrate, paths(`\HR`, `\Sales\Archive`)),
			ConfigPlanChecks: before(plancheck.ExpectEmptyPlan())},
		tf.TestStep{Config: two, ResourceName: address, ImportState: true, ImportStateVerify: true},
		tf.TestStep{
			PreConfig:        func() { env.edit(`\\HR`, `\\IT`) },
			Config:           two,
			ConfigPlanChecks: before(planned(plancheck.ResourceActionUpdate)),
			Check:            recorded(`\HR`, `\Sales\Archive`),
		},
		tf.TestStep{
			Config:           connection(byThumbprint, migrate, paths()),
			ConfigPlanChecks: before(planned(plancheck.ResourceActionUpdate)),
			Check: tf.ComposeAggregateTestCheckFunc(recorded(), tf.TestCheckResourceAttr(address,
				"public_folder_paths.#", "0")),
		},
		tf.TestStep{Config: connection(byThumbprint, migrate), Check: recorded()},
	)
}

func TestAccTargetConnection_TakesPathsOfPublicFoldersThatAreNotKnownWhilePlanning(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	trigger := func(path string) string {
		return fmt.Sprintf("resource \"terraform_data\" \"folder\" { input = %q }\nresource \"terraform_data\" "+
			"\"migrate\" { input = true }\n", path)
	}
	later := connection(byThumbprint, "migrate_public_folders = terraform_data.migrate.output",
		`public_folder_paths = ["\\HR", terraform_data.folder.output]`)
	env.play(
		tf.TestStep{Config: trigger(`\Sales`) + later, Check: tf.TestCheckTypeSetElemAttr(address,
			"public_folder_paths.*", `\Sales`)},
		tf.TestStep{Config: trigger(`/Sales`) + later, ExpectError: expect.Error("public_folder_paths", "forward slash")},
	)
}

func TestAccTargetConnection_CredentialNotKnownYetCountsAsGiven(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	trigger := `resource "terraform_data" "app" { input = "` + thumbprint + `" }` + "\n"
	env.play(
		tf.TestStep{
			Config:   trigger + connection(append(bySecret(secret, 1), "certificate_thumbprint = terraform_data.app.output")...),
			PlanOnly: true, ExpectError: expect.Error("Two credentials"),
		},
		tf.TestStep{Config: trigger + connection("certificate_thumbprint = terraform_data.app.output")},
	)
}

func TestAccTargetConnection_TakenMailboxIsSeenAtPlanWithTheImportToPaste(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.create(store.Connection{TenantID: tenantID, Mailbox: strings.ToUpper(mailbox), Name: "first", ClientID: clientID,
		CredentialType: store.CredentialCertificate, CertificateThumbprint: thumbprint, Owner: "somebody"}, "")
	env.play(
		tf.TestStep{Config: connection(byThumbprint), PlanOnly: true, ExpectError: expect.Error(`id = "` +
			strings.ToLower(tenantID+"/"+mailbox) + `"`)},
		tf.TestStep{
			Config: `import {
  to = ` + address + `
  id = "` + tenantID + "/" + mailbox + `"
}
` + connection(byThumbprint, `name = "first"`),
			ConfigPlanChecks: before(planned(plancheck.ResourceActionNoop)),
		},
	)
}

func TestAccTargetConnection_RecordEditedByHandIsDriftAndOneThatIsGoneIsMadeAgain(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.play(
		tf.TestStep{Config: connection(byThumbprint, `name = "Contoso"`)},
		tf.TestStep{
			PreConfig:        func() { env.edit(`"Contoso"`, `"Fabrikam"`) },
			Config:           connection(byThumbprint, `name = "Contoso"`),
			ConfigPlanChecks: before(planned(plancheck.ResourceActionUpdate)),
			Check:            tf.TestCheckResourceAttr(address, "name", "Contoso"),
		},
		tf.TestStep{
			PreConfig:        env.remove,
			Config:           connection(byThumbprint),
			ConfigPlanChecks: before(planned(plancheck.ResourceActionCreate)),
		},
	)
}

func TestAccTargetConnection_HandoffIsWrittenAgainWhenItIsGoneOrAnUpdateWasInterrupted(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	sheet := env.path(env.open().HandoffURL(tenantID, mailbox))
	again := tf.TestStep{
		Config:           connection(byThumbprint),
		ConfigPlanChecks: before(planned(plancheck.ResourceActionUpdate)),
		Check:            tf.TestCheckResourceAttrWith(address, "handoff_url", env.fileExists),
	}
	gone, interrupted := again, again
	gone.PreConfig = func() { env.must(os.Remove(sheet)) }
	interrupted.PreConfig = func() {
		before, err := os.ReadFile(sheet)
		env.must(err)
		s := env.open()
		_, _, err = s.UpdateConnection(t.Context(), env.record(), 0, nil,
			func(store.Connection, bool) (sheet, script []byte, err error) { return []byte("the next"), nil, nil })
		env.must(errors.Join(err, os.WriteFile(sheet, before, 0o600)))
	}
	env.play(tf.TestStep{Config: connection(byThumbprint)}, gone, interrupted)
}

func TestAccTargetConnection_SuccessorsRecordIsNeitherShownNorDeleted(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.play(
		tf.TestStep{Config: connection(byThumbprint)},
		tf.TestStep{
			PreConfig: func() {
				record := env.record()
				env.remove()
				record.Owner, record.Name = "successor", "successor"
				env.create(record, "")
			},
			Config: connection(byThumbprint), ExpectError: expect.Error("another resource created it"),
		},
	)
	if env.record().Owner != "successor" {
		t.Errorf("%+v", env.record())
	}
}

func TestAccTargetConnection_PFXIsKeptInTheStoreAndNotNeededAfterwards(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	file, attributes := env.pfx(pair())
	thumbprint := certificate.Thumbprint(pair().Certificate)
	kept := func(*terraform.State) error {
		_, err := env.open().KeyPair(t.Context(), tenantID, thumbprint)
		return err
	}
	env.play(
		tf.TestStep{
			Config: connection(attributes...),
			Check: tf.ComposeAggregateTestCheckFunc(kept,
				tf.TestCheckResourceAttr(address, "certificate_not_after", "2030-11-20T10:00:00Z"),
				func(*terraform.State) error {
					_, err := os.Stat(env.files().HandoffScript)
					return err
				}),
		},
		tf.TestStep{ // a key that left the store is brought back
			PreConfig: func() { env.must(env.open().DeleteCertificate(t.Context(), tenantID, thumbprint)) },
			Config:    connection(attributes...), ConfigPlanChecks: before(planned(plancheck.ResourceActionUpdate)), Check: kept,
		},
		tf.TestStep{PreConfig: func() { env.must(os.Rename(file, file+".away")) }, Config: connection(attributes...),
			ConfigPlanChecks: before(plancheck.ExpectEmptyPlan())},
		tf.TestStep{PreConfig: func() { env.must(os.Rename(file+".away", file)) }, Config: connection(attributes...)},
	)
	if there, err := env.open().HasKeyPair(t.Context(), tenantID, thumbprint); there || err != nil {
		t.Errorf("after destroy the key is there: %v, %v", there, err)
	}
}

func TestAccTargetConnection_PFXIsCheckedAtPlan(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	_, good := env.pfx(pair())
	_, expired := env.pfx(newPair(today.AddDate(-2, 0, 0), today.AddDate(-1, 0, 0)))
	_, future := env.pfx(newPair(today.AddDate(0, 0, 1), today.AddDate(1, 0, 0)))
	for want, attributes := range map[string][]string{
		"does not open the PFX":                    append(good, `certificate_pfx_password_wo = "wrong"`),
		"has a password":                           good[:2],
		"expired on 2025-11-20":                    expired,
		"not valid before 2026-11-21":              future,
		certificate.Thumbprint(pair().Certificate): append(good, byThumbprint),
		"cannot be read":                           append(good, `certificate_pfx_path = "nowhere.pfx"`),
	} {
		env.play(tf.TestStep{Config: connection(attributes...), PlanOnly: true, ExpectError: expect.Error(want)})
	}
}

func TestAccTargetConnection_MissingPassphraseIsSeenAtPlanWhereItIsNeeded(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	person, err := age.GenerateX25519Identity()
	env.must(err)
	shared := fmt.Sprintf("handoff_recipients = [%q]", person.Recipient())
	locked := func() { env.passphrase = "" }
	env.play(
		tf.TestStep{PreConfig: locked, Config: connection(byThumbprint), PlanOnly: true,
			ExpectError: expect.Error("CODETWO_STORE_PASSPHRASE")},
		tf.TestStep{PreConfig: func() { env.passphrase = passphrase }, Config: connection(bySecret(secret, 1)...)},
		tf.TestStep{PreConfig: locked, Config: connection(bySecret(secret, 1)...),
			ConfigPlanChecks: before(plancheck.ExpectEmptyPlan())},
		tf.TestStep{Config: connection(append(bySecret(secret, 1), shared)...), PlanOnly: true,
			ExpectError: expect.Error("CODETWO_STORE_PASSPHRASE")},
		tf.TestStep{Config: connection(bySecret(secret, 1)...), Destroy: true}, // which never needs it
	)
	if left := env.left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestAccTargetConnection_MissingStoreIsSeenAtPlan(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.unset = true
	env.play(tf.TestStep{Config: connection(byThumbprint), PlanOnly: true, ExpectError: expect.Error("paste this line")})
}

func TestAccTargetConnection_WhileTheStoreIsNotKnownThePlanWaits(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.play(
		tf.TestStep{Config: connection(byThumbprint)},
		tf.TestStep{
			PreConfig: func() { env.edit(`"contoso.onmicrosoft.com"`, `"edited"`); env.unknown = true },
			Config:    connection(byThumbprint), ConfigPlanChecks: before(plancheck.ExpectEmptyPlan()),
		},
		tf.TestStep{
			Config:      `data "codetwo_target_connections" "all" {}`,
			ExpectError: expect.Error("connection_store has a value that is known only after apply"),
		},
		tf.TestStep{PreConfig: func() { env.unknown = false }, Config: connection(byThumbprint)},
	)
}

func TestAccTargetConnection_ListShowsTheConnectionsOfOneTenantOrAll(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.create(store.Connection{TenantID: clientID, Mailbox: "m@fabrikam.com", Name: "Fabrikam", ClientID: clientID,
		CredentialType: store.CredentialClientSecret, Owner: "somebody"}, secret)
	list := func(filter string) string {
		return "data \"codetwo_target_connections\" \"list\" {\n" + filter + "\ndepends_on = [" + address + "]\n}\n"
	}
	const data = "data.codetwo_target_connections.list"
	env.play(
		tf.TestStep{
			Config: connection(byThumbprint) + list(""),
			Check: tf.ComposeAggregateTestCheckFunc(
				tf.TestCheckResourceAttr(data, "connections.#", "2"),
				tf.TestCheckResourceAttr(data, "connections.0.name", "Fabrikam"),
				tf.TestCheckResourceAttrPair(data, "connections.1.id", address, "id"),
				tf.TestCheckResourceAttrPair(data, "connections.1.revision", address, "revision"),
				func(state *terraform.State) error {
					if strings.Contains(state.String(), secret) {
						return fmt.Errorf("the list shows a secret")
					}
					return nil
				}),
		},
		tf.TestStep{
			Config: connection(byThumbprint) + list(fmt.Sprintf("tenant_id = %q", clientID)),
			Check:  tf.TestCheckResourceAttr(data, "connections.#", "1"),
		},
	)
}
