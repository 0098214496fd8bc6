package registration_test

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/registration"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// lifecycle is one registration in a sandbox tenant. The clock of the sandbox and that of the registration are moved
// together, and waiting moves both, so that no test waits.
type lifecycle struct {
	*registration.Manager
	t     *testing.T
	env   *acctest.Env
	guard sync.Mutex
	ahead time.Duration
}

func start(t *testing.T, options sandbox.Options) *lifecycle {
	t.Helper()
	t.Parallel()
	if options.Profile == "" {
		options.Profile = "instant"
	}
	env := acctest.Start(t, options)
	records, err := store.Open(env.StoreURL(), acctest.Passphrase)
	if err != nil {
		t.Fatal(err)
	}
	l := &lifecycle{t: t, env: env}
	id := env.Tenant(0).TenantID
	l.Manager = &registration.Manager{
		TenantID: id, Directory: env.Directory(id), Store: records, NameLocks: &registration.NameLocks{},
		Now: func() time.Time {
			l.guard.Lock()
			defer l.guard.Unlock()
			return time.Now().Add(l.ahead)
		},
	}
	l.Retries.Clock = &retrytest.Clock{OnWait: func(ctx context.Context, pause time.Duration) error {
		l.pass(pause)
		return ctx.Err()
	}}
	return l
}

func (l *lifecycle) pass(d time.Duration) {
	l.guard.Lock()
	defer l.guard.Unlock()
	l.ahead += d
	l.env.Control(http.MethodPost, "/clock", map[string]any{"advance": d.String()})
}

// wanted is the smallest profile, with a generated certificate.
func wanted() registration.Spec {
	return registration.Spec{
		DisplayName: "CodeTwo", UniqueName: "codetwo-target", GrantConsent: true,
		Permissions: asked(permission.ExistingMailboxes),
		Certificate: registration.Certificate{
			KeySource: registration.KeyGenerated, ValidityYears: 5, KeySize: 2048, RenewBeforeDays: 60, PreviousDays: 30,
		},
	}
}

func asked(profile permission.Profile) map[string]registration.Permission {
	entries, _ := profile.Permissions()
	permissions := map[string]registration.Permission{}
	for _, entry := range entries {
		permissions[entry.Key()] = registration.Permission{Permission: entry, Declared: true, Consented: true}
	}
	return permissions
}

// again is the spec of a plan that changes nothing.
func again(seen *registration.Observed) registration.Spec {
	spec := wanted()
	spec.Unexpected = seen.Unexpected
	spec.Certificate.PEM, spec.Certificate.Thumbprint = seen.Certificate.PEM, seen.Certificate.Thumbprint
	spec.Certificate.Previous = seen.Certificate.Previous
	return spec
}

// rotating is the same with a new certificate.
func rotating(seen *registration.Observed) registration.Spec {
	spec := again(seen)
	spec.Certificate.PEM, spec.Certificate.Thumbprint = "", ""
	return spec
}

func (l *lifecycle) created() *registration.Observed {
	l.t.Helper()
	seen, warnings, err := l.Create(l.t.Context(), wanted())
	if err != nil || len(warnings) > 0 {
		l.t.Fatal(err, warnings)
	}
	return l.seen(seen)
}

func (l *lifecycle) updated(spec registration.Spec, recorded *registration.Observed) *registration.Observed {
	l.t.Helper()
	seen, warnings, err := l.Update(l.t.Context(), spec, recorded)
	if err != nil || len(warnings) > 0 {
		l.t.Fatal(err, warnings)
	}
	return l.seen(seen)
}

// seen is what a refresh finds of a registration that was recorded so.
func (l *lifecycle) seen(recorded *registration.Observed) *registration.Observed {
	l.t.Helper()
	seen, _, err := l.Read(l.t.Context(), recorded)
	if err != nil {
		l.t.Fatal(err)
	}
	return seen
}

// keys are the thumbprints on the application, and those of the keys in the store.
func (l *lifecycle) keys(clientID string) (uploaded, stored []string) {
	application, _ := l.env.Application(0, clientID)
	for _, key := range application.Keys {
		uploaded = append(uploaded, key.Thumbprint)
	}
	files, _ := filepath.Glob(filepath.Join(l.env.Store, l.TenantID, "certificates", "*.pfx"))
	for _, file := range files {
		stored = append(stored, strings.ToUpper(strings.TrimSuffix(filepath.Base(file), ".pfx")))
	}
	return uploaded, stored
}

// ours are the applications that Terraform does not sign in as.
func (l *lifecycle) ours() []sandbox.ApplicationState {
	return slices.DeleteFunc(l.env.State(0).Applications, func(application sandbox.ApplicationState) bool {
		return strings.HasPrefix(application.DisplayName, "Terraform (")
	})
}

// failing is a directory that fails at its n-th write, from 1.
type failing struct {
	entra.Directory
	at, writes int
}

var errCutOff = errors.New("the connection was cut off")

func (f *failing) Write(ctx context.Context, order entra.Order, changes ...entra.Change) []entra.Outcome {
	f.writes++
	if f.writes != f.at {
		return f.Directory.Write(ctx, order, changes...)
	}
	outcomes := make([]entra.Outcome, len(changes))
	for i := range outcomes {
		outcomes[i].Err = errCutOff
	}
	return outcomes
}

func TestRegistration_WhatIsCreatedIsWhatWasAskedForAndItsKeyIsInTheStore(t *testing.T) {
	l := start(t, sandbox.Options{})
	seen := l.created()
	for key, entry := range seen.Permissions {
		if !entry.Declared || !entry.Consented {
			t.Errorf("%s is declared: %t, consented: %t", key, entry.Declared, entry.Consented)
		}
	}
	uploaded, stored := l.keys(seen.ClientID)
	if len(seen.Permissions) != 2 || len(seen.Unexpected)+len(seen.Credentials) > 0 || !seen.Enabled {
		t.Errorf("seen: %+v", seen)
	}
	if want := []string{seen.Certificate.Thumbprint}; !slices.Equal(uploaded, want) || !slices.Equal(stored, want) {
		t.Errorf("uploaded %v, in the store %v, want %v", uploaded, stored, want)
	}
	if seen.Certificate.RenewalDue || l.NeverComplete(t.Context(), seen) {
		t.Error("it is not complete")
	}
}

func TestRegistration_AnInterruptedCreateIsTakenUpWithTheSameApplicationAndKey(t *testing.T) {
	for name, at := range map[string]int{"before the certificate is uploaded": 1, "before the consent": 2} {
		t.Run(name, func(t *testing.T) {
			l := start(t, sandbox.Options{})
			directory := l.Directory
			l.Directory = &failing{Directory: directory, at: at}
			left, _, err := l.Create(t.Context(), wanted())
			if !errors.Is(err, errCutOff) || left == nil || !l.NeverComplete(t.Context(), left) {
				t.Fatalf("%+v, %v", left, err)
			}
			l.Directory = directory
			seen := l.created()
			uploaded, stored := l.keys(seen.ClientID)
			if seen.ObjectID != left.ObjectID || len(l.ours()) != 1 || len(uploaded) != 1 || !slices.Equal(uploaded, stored) {
				t.Errorf("%d applications, uploaded %v, in the store %v", len(l.ours()), uploaded, stored)
			}
		})
	}
}

func TestRegistration_AnInterruptedCreateWithTheUsersOwnCertificateIsTakenUp(t *testing.T) {
	l := start(t, sandbox.Options{})
	now := l.Now()
	own, err := certificate.Generate(rand.Reader, certificate.Template{
		CommonName: "our own", KeySize: 2048, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	spec := wanted()
	spec.Certificate.KeySource, spec.Certificate.PEM = registration.KeyProvided, certificate.EncodePEM(own.Certificate)
	directory := l.Directory
	l.Directory = &failing{Directory: directory, at: 2} // its certificate is uploaded by the first
	if _, _, err := l.Create(t.Context(), spec); err == nil {
		t.Fatal("the create is complete")
	}
	l.Directory = directory
	made := l.ours()
	if len(made) != 1 || len(made[0].Keys) != 1 {
		t.Fatalf("the first run left %+v", made)
	}
	seen, _, err := l.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if seen.ClientID != made[0].ClientID || len(l.ours()) != 1 {
		t.Errorf("made again: %s, then %s", made[0].ClientID, seen.ClientID)
	}
}

func TestRegistration_AnotherApplicationOfTheNameIsRefusedAndLeftAlone(t *testing.T) {
	l := start(t, sandbox.Options{})
	first := l.created()
	spec := wanted()
	spec.UniqueName = "codetwo-target-2"
	seen, _, err := l.Create(t.Context(), spec)
	refused, ok := errors.AsType[*registration.Error](err)
	if !ok || refused.Attribute != "display_name" || !strings.Contains(refused.Detail, first.ClientID) || seen != nil {
		t.Errorf("%+v, %v", seen, err)
	}
	if _, stored := l.keys(first.ClientID); len(stored) != 1 || len(l.ours()) != 1 {
		t.Errorf("%d applications, in the store %v", len(l.ours()), stored)
	}
}

func TestRegistration_AnUpdateRevokesWhatIsNotAskedForAnyMoreAndKeepsWhatThePlanDidNotShow(t *testing.T) {
	l := start(t, sandbox.Options{})
	seen := l.created()
	spec := again(seen)
	spec.DisplayName, spec.Permissions = "Renamed", asked(permission.CreateMailboxes)
	since := map[string]any{"resourceAppId": permission.Graph.AppID, "resourceAccess": []any{
		map[string]any{"id": "df021288-bdef-4463-88db-98f22de89214", "type": "Role"}, // User.Read.All
	}}
	l.env.Graph(l.TenantID, http.MethodPatch, "/applications/"+seen.ObjectID,
		map[string]any{"requiredResourceAccess": []any{since}})
	after := l.updated(spec, seen)
	if after.DisplayName != "Renamed" || after.ObjectID != seen.ObjectID || !maps.Equal(after.Permissions,
		spec.Permissions) {
		t.Errorf("%+v", after)
	}
	if len(after.Unexpected) != 1 {
		t.Errorf("what somebody else declared is not told: %+v", after.Unexpected)
	}
	for key, entry := range after.Unexpected {
		if entry.ID != "df021288-bdef-4463-88db-98f22de89214" || entry.Consented {
			t.Errorf("unexpected: %s, %+v", key, entry)
		}
	}
}

func TestRegistration_AReplacedCertificateSignsInUntilItsTimeAndThenLeavesApplicationAndStore(t *testing.T) {
	l := start(t, sandbox.Options{})
	seen := l.created()
	old := seen.Certificate.Thumbprint
	seen = l.updated(rotating(seen), seen)
	uploaded, _ := l.keys(seen.ClientID)
	if len(uploaded) != 2 || uploaded[0] != old || uploaded[1] != seen.Certificate.Thumbprint ||
		len(seen.Certificate.Previous) != 1 {
		t.Fatalf("uploaded %v, seen %+v", uploaded, seen.Certificate)
	}
	if len(seen.Certificate.RemovalDue) > 0 {
		t.Error("the removal is due at once")
	}
	l.pass(31 * 24 * time.Hour)
	seen = l.seen(seen)
	if due := []string{seen.Certificate.Previous[0].KeyID}; !slices.Equal(seen.Certificate.RemovalDue, due) {
		t.Fatalf("after 31 days the removals due are %v, want %v", seen.Certificate.RemovalDue, due)
	}
	spec := again(seen)
	spec.Certificate.Previous = nil
	seen = l.updated(spec, seen)
	uploaded, stored := l.keys(seen.ClientID)
	if want := []string{seen.Certificate.Thumbprint}; !slices.Equal(uploaded, want) || !slices.Equal(stored, want) {
		t.Errorf("uploaded %v, in the store %v, want %v", uploaded, stored, want)
	}
}

func TestRegistration_ARotationThatFailsKeepsTheCertificateAndTheNextOneUsesItsKey(t *testing.T) {
	l := start(t, sandbox.Options{})
	seen := l.created()
	directory := l.Directory
	l.Directory = &failing{Directory: directory, at: 1}
	left, _, err := l.Update(t.Context(), rotating(seen), seen)
	if !errors.Is(err, errCutOff) || left.Certificate.Thumbprint != seen.Certificate.Thumbprint ||
		len(left.Certificate.Previous) > 0 {
		t.Fatalf("%+v, %v", left, err)
	}
	l.Directory = directory
	_, before := l.keys(seen.ClientID)
	seen = l.updated(rotating(left), left)
	uploaded, after := l.keys(seen.ClientID)
	if !slices.Equal(before, after) || len(after) != 2 || uploaded[1] != seen.Certificate.Thumbprint {
		t.Errorf("uploaded %v; in the store %v, and before %v", uploaded, after, before)
	}
}

func TestRegistration_AFailedUpdateReportsTheCertificateWithTheSettingsThatItHad(t *testing.T) {
	l := start(t, sandbox.Options{})
	seen := l.created()
	l.Directory = &failing{Directory: l.Directory, at: 1}
	spec := again(seen)
	spec.DisplayName, spec.Certificate.RenewBeforeDays = "Renamed", 10*365 // due at once
	left, _, err := l.Update(t.Context(), spec, seen)
	if !errors.Is(err, errCutOff) || left.Certificate.RenewalDue || left.Certificate.RenewBeforeDays != 60 {
		t.Errorf("%+v, %v", left, err)
	}
}

func TestRegistration_ACertificateIsDueForRenewalByAgeAndForWantOfItsKey(t *testing.T) {
	l := start(t, sandbox.Options{})
	seen := l.created()
	later := *l.Manager
	later.Now = func() time.Time { return seen.Certificate.NotAfter.AddDate(0, 0, -59) }
	if aged, _, err := later.Read(t.Context(), seen); err != nil || !aged.Certificate.RenewalDue {
		t.Errorf("59 days before its end: %v", err)
	}
	if err := l.Store.DeleteCertificate(t.Context(), l.TenantID, seen.Certificate.Thumbprint); err != nil {
		t.Fatal(err)
	}
	if !l.seen(seen).Certificate.RenewalDue {
		t.Error("a certificate without its key is not renewed")
	}
}

func TestRegistration_ADeletedApplicationIsRestoredWithItsClientIDOnlyWhereThatIsAskedFor(t *testing.T) {
	l := start(t, sandbox.Options{})
	seen := l.created()
	if warnings, err := l.Delete(t.Context(), seen, false); err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if _, _, err := l.Read(t.Context(), seen); !errors.Is(err, registration.ErrGone) {
		t.Errorf("reading it: %v", err)
	}
	if _, stored := l.keys(seen.ClientID); len(stored) > 0 {
		t.Errorf("in the store %v", stored)
	}
	spec := wanted()
	_, _, err := l.Create(t.Context(), spec)
	if refused, ok := errors.AsType[*registration.Error](err); !ok || refused.Attribute != "restore_deleted" {
		t.Errorf("creating it again: %v", err)
	}
	spec.RestoreDeleted = true
	if restored, _, err := l.Create(t.Context(), spec); err != nil || restored.ClientID != seen.ClientID {
		t.Errorf("restored: %+v, %v", restored, err)
	}
}

func TestRegistration_APurgedApplicationLeavesNothingAndFreesItsName(t *testing.T) {
	l := start(t, sandbox.Options{})
	seen := l.created()
	if warnings, err := l.Delete(t.Context(), seen, true); err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if _, stored := l.keys(seen.ClientID); len(stored)+len(l.ours())+len(l.env.State(0).DeletedItems) > 0 {
		t.Errorf("left are %v, %+v, and in the recycle bin %+v", stored, l.ours(), l.env.State(0).DeletedItems)
	}
	if again := l.created(); again.ObjectID == seen.ObjectID {
		t.Error("what was purged is back")
	}
}

func TestRegistration_ADestroyThatWasCutOffIsToldFromADeletionByHandAndFinished(t *testing.T) {
	l := start(t, sandbox.Options{})
	seen := l.created()
	directory := l.Directory
	l.Directory = &failing{Directory: directory, at: 2}
	if _, err := l.Delete(t.Context(), seen, true); !errors.Is(err, errCutOff) {
		t.Fatal(err)
	}
	l.Directory = directory
	if _, _, err := l.Read(t.Context(), seen); !errors.Is(err, registration.ErrDestroyCutOff) {
		t.Errorf("reading it: %v", err)
	}
	if _, err := l.Delete(t.Context(), seen, true); err != nil || len(l.env.State(0).DeletedItems) > 0 {
		t.Errorf("in the recycle bin %+v; %v", l.env.State(0).DeletedItems, err)
	}
}

func TestRegistration_ReplicasThatLagAreWaitedOutFromCreateToPurge(t *testing.T) {
	l := start(t, sandbox.Options{Profile: "realistic", Speed: 1})
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	seen, _, err := l.Create(ctx, wanted())
	if err != nil {
		t.Fatal(err)
	}
	spec := again(seen)
	spec.Permissions = asked(permission.CreateMailboxes)
	if seen, _, err = l.Update(ctx, spec, seen); err != nil || !maps.Equal(seen.Permissions, spec.Permissions) {
		t.Fatalf("%+v, %v", seen, err)
	}
	if _, err := l.Delete(ctx, seen, true); err != nil {
		t.Fatal(err)
	}
	l.env.Server.Settle()
	if len(l.ours())+len(l.env.State(0).DeletedItems) > 0 {
		t.Errorf("left are %+v, and in the recycle bin %+v", l.ours(), l.env.State(0).DeletedItems)
	}
}

func TestRegistration_AnImportedApplicationIsAskedForWhatItDeclaresAndItsKeyIsElsewhere(t *testing.T) {
	l := start(t, sandbox.Options{})
	made := l.created()
	for _, id := range []string{made.ClientID, made.ObjectID} {
		seen, err := l.Import(t.Context(), id)
		if err != nil || seen.Certificate.KeySource != registration.KeyExternal ||
			seen.Certificate.Thumbprint != made.Certificate.Thumbprint ||
			!maps.Equal(seen.Permissions, made.Permissions) || len(seen.Unexpected)+len(seen.Credentials) > 0 {
			t.Errorf("by %s: %+v, %v", id, seen, err)
		}
	}
	_, err := l.Import(t.Context(), "11111111-1111-4111-8111-111111111111")
	if refused, ok := errors.AsType[*registration.Error](err); !ok || refused.Attribute != "id" {
		t.Errorf("an ID that nothing has: %v", err)
	}
}

func TestRegistration_AStoreThatIsNotMountedIsNoLostKey(t *testing.T) {
	l := start(t, sandbox.Options{})
	seen := l.created()
	records, err := store.Open("file://"+filepath.ToSlash(filepath.Join(t.TempDir(), "unmounted")), acctest.Passphrase)
	if err != nil {
		t.Fatal(err)
	}
	l.Store = records
	_, _, err = l.Read(t.Context(), seen)
	if told, ok := errors.AsType[*registration.Error](err); !ok || !strings.Contains(told.Detail, records.URL()) {
		t.Errorf("%v", err)
	}
}
