package registration_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/registration"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// killed is the directory of a process that ends once its n-th write, from 1, has been carried out.
type killed struct {
	entra.Directory
	at, writes int
}

func (k *killed) Write(ctx context.Context, order entra.Order, changes ...entra.Change) []entra.Outcome {
	if k.writes++; k.writes <= k.at {
		k.Directory.Write(ctx, order, changes...)
	}
	outcomes := make([]entra.Outcome, len(changes))
	for i := range outcomes {
		outcomes[i].Err = errCutOff
	}
	return outcomes
}

func (k *killed) Registration(ctx context.Context, ref entra.RegistrationRef) (*entra.Registration, error) {
	if k.writes >= k.at {
		return nil, errCutOff
	}
	return k.Directory.Registration(ctx, ref)
}

// killAfterWrite updates until the process is killed after its n-th write, so that nobody hears of the outcome.
func (l *lifecycle) killAfterWrite(n int, spec registration.Spec, recorded *registration.Observed) {
	l.t.Helper()
	directory := l.Directory
	l.Directory = &killed{Directory: directory, at: n}
	if _, _, err := l.Update(l.t.Context(), spec, recorded); err == nil {
		l.t.Fatal("the update is complete")
	}
	l.Directory = directory
}

func TestRegistration_ARotationThatWasKilledAfterItsUploadIsCompletedAndNothingOfItIsUnexpected(t *testing.T) {
	for name, days := range map[string]int{"replaced at once": 0, "replaced one kept": 30} {
		t.Run(name, func(t *testing.T) {
			l := start(t, sandbox.Options{})
			seen := l.created()
			rotation := func(recorded *registration.Observed) registration.Spec {
				spec := rotating(recorded)
				spec.Certificate.PreviousDays = days
				return spec
			}
			l.killAfterWrite(1, rotation(seen), seen)
			recorded := l.seen(seen)
			rotated, _, err := l.Update(t.Context(), rotation(recorded), recorded)
			if err != nil {
				t.Fatal(err)
			}
			uploaded, stored := l.keys(seen.ClientID)
			if want := min(days, 1) + 1; len(uploaded) != want || len(stored) != want {
				t.Errorf("uploaded %v, in the store %v, want %d", uploaded, stored, want)
			}
			for when, state := range map[string]*registration.Observed{"after": rotated, "refreshed": l.seen(rotated)} {
				if len(state.Credentials) != 0 || len(state.Certificate.Previous) != min(days, 1) {
					t.Errorf("%s: the unexpected credentials are %+v, the certificate %+v", when, state.Credentials,
						state.Certificate)
				}
			}
		})
	}
}

func TestRegistration_ATakeOverThatWasKilledAfterItsUploadIsCompletedWithTheSameCertificate(t *testing.T) {
	l := start(t, sandbox.Options{})
	app := l.env.RegisterByHand(l.TenantID, "CodeTwo")
	pair, err := certificate.Generate(rand.Reader, certificate.Template{CommonName: "CodeTwo", KeySize: 2048,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(2, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	l.env.Graph(l.TenantID, http.MethodPatch, "/applications/"+app.ObjectID, map[string]any{
		"keyCredentials": []any{map[string]any{"type": "AsymmetricX509Cert", "usage": "Verify", "key": pair.Certificate.Raw}},
	})
	imported, err := l.Import(t.Context(), app.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	takeOver := func(recorded *registration.Observed) registration.Spec {
		spec := wanted()
		spec.UniqueName = ""
		spec.Unexpected = recorded.Unexpected
		spec.Certificate.Previous = recorded.Certificate.Previous
		return spec
	}
	l.killAfterWrite(1, takeOver(imported), imported)
	_, before := l.keys(imported.ClientID)
	recorded := l.seen(imported)
	if recorded.Certificate.Thumbprint != imported.Certificate.Thumbprint {
		t.Errorf("the external certificate was %+v, and is %+v", imported.Certificate, recorded.Certificate)
	}
	taken, _, err := l.Update(t.Context(), takeOver(recorded), recorded)
	if err != nil {
		t.Fatal(err)
	}
	uploaded, after := l.keys(imported.ClientID)
	if len(uploaded) != 2 || len(before) != 1 || len(after) != 1 || after[0] != before[0] ||
		taken.Certificate.Thumbprint != before[0] {
		t.Errorf("uploaded %v; in the store %v, and before %v", uploaded, after, before)
	}
	if previous := taken.Certificate.Previous; len(previous) != 1 ||
		previous[0].Thumbprint != imported.Certificate.Thumbprint {
		t.Errorf("the replaced certificates are %+v", previous)
	}
}

// TestRegistration_APurgeWhoseAnswerIsLostGoesOnUntilTheRecycleBinCanHaveShownWhatItHolds deletes where the recycle bin
// lags by twelve seconds, which is longer than five looks take. The answer to the third look is lost. It is the fifth
// request: each look is for the service principal and for the application. The read that confirms the deletion is
// answered by a replica that never showed the application.
func TestRegistration_APurgeWhoseAnswerIsLostGoesOnUntilTheRecycleBinCanHaveShownWhatItHolds(t *testing.T) {
	l := start(t, sandbox.Options{Profile: "realistic", Speed: 0.5})
	seen, _, err := l.Create(t.Context(), wanted())
	if err != nil {
		t.Fatal(err)
	}
	l.env.Server.Settle()
	l.env.Inject(sandbox.Fault{At: "GET /v1.0/applications/*", Kind: sandbox.Stale, For: "2h", Times: 2})
	l.env.Inject(sandbox.Fault{At: "GET /v1.0/servicePrincipals(*", Kind: sandbox.Stale, For: "2h", Times: 2})
	l.env.Inject(sandbox.Fault{At: "DELETE /v1.0/directory/deletedItems/*", Kind: sandbox.ResetAfter, Nth: 5})
	if _, err := l.Delete(t.Context(), seen, true); err != nil {
		t.Fatal(err)
	}
	if left := l.env.State(0).DeletedItems; len(left) > 0 {
		t.Errorf("the recycle bin holds %+v", left)
	}
}
