package registration_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/registration"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// copyOf is an older copy of what a writer may have kept of the tenant's folder in the store.
type copyOf map[string][]byte

// keep copies the tenant's folder.
func (l *lifecycle) keep() copyOf {
	kept := copyOf{}
	root := filepath.Join(l.env.Store, l.TenantID)
	_ = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			content, _ := os.ReadFile(path)
			kept[path] = content
		}
		return nil
	})
	return kept
}

// putBack writes the copy over the store.
func (l *lifecycle) putBack(kept copyOf) {
	l.t.Helper()
	for path, content := range kept {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			l.t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			l.t.Fatal(err)
		}
	}
}

// writing does something before each write to the tenant.
type writing struct {
	entra.Directory
	before func(n int)
	writes int
}

func (w *writing) Write(ctx context.Context, order entra.Order, changes ...entra.Change) []entra.Outcome {
	w.writes++
	w.before(w.writes)
	return w.Directory.Write(ctx, order, changes...)
}

// createdKeeping creates, and returns a copy from the middle of the create.
func (l *lifecycle) createdKeeping() (seen *registration.Observed, middle copyOf) {
	l.t.Helper()
	directory := l.Directory
	l.Directory = &writing{Directory: directory, before: func(int) { middle = l.keep() }}
	seen = l.created()
	l.Directory = directory
	return seen, middle
}

func withoutPrevious(spec registration.Spec) registration.Spec {
	spec.Certificate.PreviousDays = 0
	return spec
}

// imported is the registration as another state sees it that has just imported it.
func (l *lifecycle) imported(clientID string) *registration.Observed {
	l.t.Helper()
	imported, err := l.Import(l.t.Context(), clientID)
	if err != nil {
		l.t.Fatal(err)
	}
	return imported
}

func TestRegistration_AnImportedApplicationIsNotPurgedForAnOlderJournalOfItsCreate(t *testing.T) {
	for name, refreshed := range map[string]bool{"at once": false, "after a refresh": true} {
		t.Run(name, func(t *testing.T) {
			l := start(t, sandbox.Options{})
			seen, middle := l.createdKeeping()
			l.pass(48 * time.Hour)
			l.putBack(middle)
			imported := l.imported(seen.ClientID)
			if refreshed {
				imported = l.seen(imported)
			}
			if l.NeverComplete(t.Context(), imported) {
				t.Error("the plan says that it was never complete")
			}
			if _, err := l.Delete(t.Context(), imported, false); err != nil {
				t.Fatal(err)
			}
			if left := l.env.State(0).DeletedItems; len(left) == 0 {
				t.Error("it was purged")
			}
		})
	}
}

func TestRegistration_ATakeOverUploadsNoKeyThatWasRotatedAway(t *testing.T) {
	for name, refreshed := range map[string]bool{"at once": false, "after a refresh": true} {
		t.Run(name, func(t *testing.T) {
			l := start(t, sandbox.Options{})
			seen := l.created()
			old, kept := seen.Certificate.Thumbprint, l.keep()
			seen = l.updated(withoutPrevious(rotating(seen)), seen)
			if uploaded, stored := l.keys(seen.ClientID); slices.Contains(uploaded, old) || slices.Contains(stored, old) {
				t.Fatalf("uploaded %v, in the store %v", uploaded, stored)
			}
			l.pass(48 * time.Hour)
			l.putBack(kept)
			imported := l.imported(seen.ClientID)
			if refreshed {
				imported = l.seen(imported)
			}
			spec := wanted()
			spec.Unexpected, spec.Certificate.Previous = imported.Unexpected, imported.Certificate.Previous
			if _, _, err := l.Update(t.Context(), spec, imported); err != nil {
				t.Fatal(err)
			}
			if uploaded, _ := l.keys(seen.ClientID); slices.Contains(uploaded, old) {
				t.Errorf("uploaded %v, with the one that was rotated away: %s", uploaded, old)
			}
		})
	}
}

func TestRegistration_AJournalOfAPredecessorThatIsPutBackDuringACreateUploadsNoKeyLater(t *testing.T) {
	l := start(t, sandbox.Options{})
	seen := l.created()
	old, kept := seen.Certificate.Thumbprint, l.keep()
	if _, err := l.Delete(t.Context(), seen, true); err != nil {
		t.Fatal(err)
	}
	l.pass(48 * time.Hour)
	directory := l.Directory
	l.Directory = &writing{Directory: directory, before: func(int) { l.putBack(kept) }}
	seen, _, err := l.Create(t.Context(), wanted())
	l.Directory = directory
	if err != nil {
		t.Fatal(err)
	}
	l.putBack(kept.of(old))
	seen = l.seen(seen)
	seen, _, err = l.Update(t.Context(), rotating(seen), seen)
	if err != nil {
		t.Fatal(err)
	}
	if uploaded, _ := l.keys(seen.ClientID); slices.Contains(uploaded, old) {
		t.Errorf("uploaded %v, with a key of its predecessor: %s", uploaded, old)
	}
}

// of are the files of one certificate.
func (kept copyOf) of(thumbprint string) copyOf {
	some := copyOf{}
	for path, content := range kept {
		if strings.HasPrefix(filepath.Base(path), thumbprint) {
			some[path] = content
		}
	}
	return some
}

func TestRegistration_ARestoredApplicationGetsNoKeyThatWasRotatedAway(t *testing.T) {
	l := start(t, sandbox.Options{})
	seen, middle := l.createdKeeping()
	old := seen.Certificate.Thumbprint
	seen = l.updated(withoutPrevious(rotating(seen)), seen)
	if _, err := l.Delete(t.Context(), seen, false); err != nil {
		t.Fatal(err)
	}
	l.pass(time.Minute)
	l.putBack(middle)
	spec := wanted()
	spec.RestoreDeleted = true
	restored, _, err := l.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if uploaded, _ := l.keys(restored.ClientID); slices.Contains(uploaded, old) {
		t.Errorf("uploaded %v, with the one that was rotated away: %s", uploaded, old)
	}
}

func TestRegistration_ASecondStateAdoptsNothingForAnOlderJournalOfTheSameHour(t *testing.T) {
	l := start(t, sandbox.Options{})
	seen, middle := l.createdKeeping()
	old := seen.Certificate.Thumbprint
	seen = l.updated(withoutPrevious(rotating(seen)), seen)
	l.pass(time.Minute)
	l.putBack(middle)
	adopted, _, err := l.Create(t.Context(), wanted())
	if err == nil {
		uploaded, _ := l.keys(adopted.ClientID)
		t.Errorf("adopted %s of %s; uploaded %v, rotated away %s, in use %s", adopted.ClientID, seen.ClientID, uploaded, old,
			seen.Certificate.Thumbprint)
	}
}
