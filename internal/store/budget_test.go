package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
)

// counter is a place that counts what is asked of it: operations on a kind of file, such as "Read record".
type counter struct {
	place.Place
	counts map[string]int
}

// kindOf names what a file is to a connection. A certificate's files have its thumbprint for a name.
func kindOf(name string) string {
	switch folder := path.Base(path.Dir(name)); {
	case folder == certificateFolder && strings.HasSuffix(name, recordExtension):
		return "certificate"
	case folder == certificateFolder:
		return "key"
	case strings.HasSuffix(name, recordExtension):
		return "record"
	case strings.HasSuffix(name, ".age"):
		return "secret"
	}
	return strings.TrimPrefix(path.Ext(name), ".")
}

func (c *counter) count(operation, name string) {
	c.counts[operation+" "+kindOf(name)]++
}

func (c *counter) Read(ctx context.Context, name string) ([]byte, place.Version, error) {
	c.count("Read", name)
	return c.Place.Read(ctx, name)
}

func (c *counter) Create(ctx context.Context, name string, content []byte) (place.Version, error) {
	c.count("Create", name)
	return c.Place.Create(ctx, name, content)
}

func (c *counter) Replace(
	ctx context.Context, name string, content []byte, unchanged place.Version,
) (place.Version, error) {
	c.count("Replace", name)
	return c.Place.Replace(ctx, name, content, unchanged)
}

func (c *counter) Delete(ctx context.Context, name string, unchanged place.Version) error {
	c.count("Delete", name)
	return c.Place.Delete(ctx, name, unchanged)
}

func (c *counter) Exists(ctx context.Context, name string) (bool, error) {
	c.count("Exists", name)
	return c.Place.Exists(ctx, name)
}

func (c *counter) List(ctx context.Context, folder string) ([]string, error) {
	c.counts["List"]++
	return c.Place.List(ctx, folder)
}

// fill puts connections of the same tenant, and with the same credential, next to the one that is looked at. They are
// written past the store, which would take its time to put each on the disk.
func fill(t testing.TB, dir string, like Connection, others int) {
	t.Helper()
	identity, err := open(t, dir, passphrase).unlock(t.Context())
	must(t, err)
	for i := range others {
		c := like
		c.Mailbox = fmt.Sprintf("another-%d@contoso.com", i)
		name, err := prepare(&c)
		must(t, err)
		content, err := identity.Seal(name, c)
		must(t, err)
		if i == 0 {
			must(t, os.MkdirAll(filepath.Dir(fileIn(dir, name)), 0o700))
		}
		must(t, os.WriteFile(fileIn(dir, name), content, 0o600))
	}
}

// budgets are what each operation may ask of the place. A plan reads neither a secret nor a key; an apply writes each
// record once, on a condition.
var budgets = map[string]map[string]map[string]int{
	"with a client secret": {
		"refresh": {"Read record": 1, "Read html": 1, "Exists ps1": 1, "Read secret": 1},
		"create":  {"Read record": 1, "Create record": 1},
		"update":  {"Read record": 1, "Replace record": 1},
		"delete":  {"Read record": 1, "Delete record": 1},
	},
	"with a certificate whose key is elsewhere": {
		"refresh": {"Read record": 1, "Read html": 1, "Exists ps1": 1, "Read certificate": 1},
		"create":  {"Read record": 1, "Create record": 1},
		"update":  {"Read record": 1, "Replace record": 1},
		"delete":  {"Read record": 1, "Delete record": 1},
	},
	"with a certificate in the store, named by them all": {
		"refresh": {
			"Read record": 1, "Read html": 1, "Read ps1": 1, "Read certificate": 1, "Exists key": 2,
			"Read secret": 1, // encrypted, and held against the record by its hash
		},
		"create": {"Read record": 1, "Create record": 1},
		"update": {"Read record": 1, "Replace record": 1},
		// It looks for the first other connection that needs the key.
		"delete": {"Read record": 2, "Delete record": 1},
	},
}

// TestOneRecordCostsTheSameInAnEmptyStoreAndNextToTenThousand plays what the provider asks of the store in a create, a
// refresh, an update and a delete, and counts what the store asks of its place.
func TestOneRecordCostsTheSameInAnEmptyStoreAndNextToTenThousand(t *testing.T) {
	for name, c := range map[string]Connection{
		"with a client secret":                               withSecret(),
		"with a certificate whose key is elsewhere":          withCertificate(),
		"with a certificate in the store, named by them all": withKey(newPerson(t)),
	} {
		t.Run(name, func(t *testing.T) {
			var small, large map[string]map[string]int
			for others, counts := range map[int]*map[string]map[string]int{1: &small, 10_000: &large} {
				dir := withIdentity(t)
				fill(t, dir, c, others)
				if c.CertificateThumbprint == thumbprint() {
					savePair(t, open(t, dir, passphrase))
				}
				*counts = operations(t, dir, c)
			}
			if !reflect.DeepEqual(small, large) {
				t.Errorf("with one more record\n%v\nwith 10,000 more\n%v", small, large)
			}
			for operation, budget := range budgets[name] {
				checkBudget(t, operation, large[operation], budget)
			}
		})
	}
}

// checkBudget holds what a refresh asks altogether, and how often the other operations touch the record, write a
// certificate's or list the store.
func checkBudget(t *testing.T, operation string, got, budget map[string]int) {
	t.Helper()
	if operation == "refresh" {
		if !maps.Equal(got, budget) {
			t.Errorf("a refresh asks for %v, and may for %v", got, budget)
		}
		return
	}
	for _, kind := range []string{"Read record", "Create record", "Replace record", "Delete record"} {
		if got[kind] != budget[kind] {
			t.Errorf("%s: %q %d times, want %d", operation, kind, got[kind], budget[kind])
		}
	}
	if written := got["Create certificate"] + got["Replace certificate"]; written > 0 {
		t.Errorf("%s writes the certificate's record %d times", operation, written)
	}
	if got["List"] > 0 && !(operation == "delete" && budget["Read record"] > 1) {
		t.Errorf("%s lists the store %d times", operation, got["List"])
	}
}

// operations counts, by operation, what becomes of one connection.
func operations(t *testing.T, dir string, c Connection) map[string]map[string]int {
	t.Helper()
	counted := map[string]map[string]int{}
	as := func(operation string, do func(s *Store)) {
		s := open(t, dir, passphrase)
		must(t, s.Unlock(t.Context())) // once a process
		counter := &counter{Place: s.files, counts: map[string]int{}}
		s.files = counter
		do(s)
		counted[operation] = counter.counts
	}
	as("create", func(s *Store) { c = create(t, s, c) })
	as("refresh", func(s *Store) {
		found := read(t, s)
		must(t, errors.Join(s.CheckHandoff(t.Context(), found), s.CheckSecrets(t.Context(), found)))
	})
	as("update", func(s *Store) {
		c.Name = "another"
		c = update(t, s, c, nil)
	})
	as("delete", func(s *Store) {
		there, err := s.Exists(t.Context(), tenant, c.Mailbox)
		if err != nil || !there {
			t.Errorf("%t, %v", there, err)
		}
		must(t, s.DeleteConnection(t.Context(), tenant, c.Mailbox, c.Owner, c.Generation))
		if c.CredentialType == CredentialCertificate {
			dropUnused(t, s, c.CertificateThumbprint)
		}
	})
	return counted
}

// A certificate's record is written once, too, however often its files are.
func TestAPFXThatIsPackedAgainWritesItsRecordOnce(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	must(t, s.Unlock(t.Context()))
	counter := &counter{Place: s.files, counts: map[string]int{}}
	s.files = counter
	savePair(t, s)
	must(t, s.SealCertificate(t.Context(), tenant, thumbprint(), now))
	if got := counter.counts; got["Create certificate"] != 1 || got["Replace certificate"] != 1 {
		t.Errorf("saved and packed again: %v", got)
	}
}
