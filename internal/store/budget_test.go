package store

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
)

// counter is a driver that counts what is asked of it: operations on a kind of file, such as "Read .json".
type counter struct {
	driver
	counts map[string]int
}

func (c *counter) count(operation, name string) {
	_, kind, _ := strings.Cut(path.Base(name), ".com")
	c.counts[strings.TrimSpace(operation+" "+kind)]++
}

func (c *counter) Read(ctx context.Context, name string) ([]byte, error) {
	c.count("Read", name)
	return c.driver.Read(ctx, name)
}

func (c *counter) Create(ctx context.Context, name string, content []byte) error {
	c.count("Create", name)
	return c.driver.Create(ctx, name, content)
}

func (c *counter) Replace(ctx context.Context, name string, content []byte) error {
	c.count("Replace", name)
	return c.driver.Replace(ctx, name, content)
}

func (c *counter) Delete(ctx context.Context, name string) error {
	c.count("Delete", name)
	return c.driver.Delete(ctx, name)
}

func (c *counter) Exists(ctx context.Context, name string) (bool, error) {
	c.count("Exists", name)
	return c.driver.Exists(ctx, name)
}

func (c *counter) List(ctx context.Context, folder string) ([]string, error) {
	c.count("List", "")
	return c.driver.List(ctx, folder)
}

// fill puts connections of the same tenant, and with the same credential, next to the one that is looked at. They are
// written past the store, which would take its time to put each on the disk.
func fill(t testing.TB, dir string, like Connection, others int) {
	t.Helper()
	for i := range others {
		c := like
		c.Mailbox = fmt.Sprintf("another-%d@contoso.com", i)
		file, err := prepare(&c)
		must(t, err)
		content, err := encodeRecord(connectionRecord{version{schemaVersion}, c})
		must(t, err)
		if i == 0 {
			must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o700))
		}
		must(t, os.WriteFile(filepath.Join(dir, file), content, 0o600))
	}
}

// TestOneRecordCostsTheSameInAnEmptyStoreAndNextToTenThousand plays what the provider asks of the store in a create, a
// refresh, an update and a delete, and counts what the store asks of its driver.
func TestOneRecordCostsTheSameInAnEmptyStoreAndNextToTenThousand(t *testing.T) {
	person, err := age.GenerateX25519Identity()
	must(t, err)
	shared := withCertificate()
	shared.CertificateThumbprint = certificate.Thumbprint(pair().Certificate)
	shared.HandoffRecipients = []string{person.Recipient().String()}
	many := 10_000
	if testing.Short() {
		many = 1_000
	}
	t.Logf("next to %d others", many)
	for name, c := range map[string]struct {
		like   Connection
		secret string
	}{
		"with a client secret":                                {withSecret(), secret},
		"with a certificate whose key is elsewhere":           {withCertificate(), ""},
		"with a certificate in the store, shared by them all": {shared, ""},
	} {
		t.Run(name, func(t *testing.T) {
			keyMayGo := c.like.CertificateThumbprint == shared.CertificateThumbprint
			var small, large map[string]map[string]int
			for others, counts := range map[int]*map[string]map[string]int{1: &small, many: &large} {
				dir := withIdentity(t)
				fill(t, dir, c.like, others)
				if keyMayGo {
					must(t, open(t, dir, passphrase).SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, &c.like))
				}
				*counts = operations(t, dir, c.like, c.secret)
			}
			if !reflect.DeepEqual(small, large) {
				t.Errorf("with one more record\n%v\nwith %d more\n%v", small, many, large)
			}
			checkOperations(t, large, keyMayGo)
		})
	}
}

// checkOperations holds how often each operation touches a record or lists the store. A delete after which a key may
// leave the store looks for the first other connection that needs it.
func checkOperations(t *testing.T, counted map[string]map[string]int, keyMayGo bool) {
	t.Helper()
	deleted := map[string]int{"Read .json": 1, "Delete .json": 1}
	if keyMayGo {
		deleted["Read .json"]++
	}
	for operation, want := range map[string]map[string]int{
		"create":  {"Create .json": 1},
		"refresh": {"Read .json": 1},
		"update":  {"Read .json": 1, "Replace .json": 1},
		"delete":  deleted,
	} {
		got := counted[operation]
		for _, kind := range []string{"Read .json", "Create .json", "Replace .json", "Delete .json"} {
			if got[kind] != want[kind] {
				t.Errorf("%s: %q %d times, want %d", operation, kind, got[kind], want[kind])
			}
		}
		if got["List"] > 0 && !(keyMayGo && operation == "delete") {
			t.Errorf("%s lists the store %d times", operation, got["List"])
		}
	}
}

// operations counts, by operation, what becomes of one connection.
func operations(t *testing.T, dir string, c Connection, secret string) map[string]map[string]int {
	t.Helper()
	counted := map[string]map[string]int{}
	as := func(operation string, do func(s *Store)) {
		s := open(t, dir, passphrase)
		_, err := s.unlock(t.Context()) // once a process
		must(t, err)
		counter := &counter{driver: s.files, counts: map[string]int{}}
		s.files = counter
		do(s)
		counted[operation] = counter.counts
	}
	finish := func(s *Store) {
		due, err := s.SharingDue(t.Context(), tenant, c.CertificateThumbprint, &c)
		if c.CredentialType == CredentialCertificate && (due || err != nil) {
			t.Errorf("sharing is due: %t, %v", due, err)
		}
		_, err = s.WriteHandoff(t.Context(), c, []byte("<html>"), nil)
		must(t, err)
	}
	as("create", func(s *Store) {
		var err error
		c, err = s.CreateConnection(t.Context(), c, secret)
		must(t, err)
		finish(s)
	})
	as("refresh", func(s *Store) {
		found, err := s.Connection(t.Context(), tenant, c.Mailbox)
		must(t, err)
		_, err = s.HandoffCurrent(t.Context(), found)
		must(t, err)
	})
	as("update", func(s *Store) {
		var err error
		c.Name = "another"
		c, err = s.UpdateConnection(t.Context(), c, nil)
		must(t, err)
		finish(s)
	})
	as("delete", func(s *Store) {
		there, err := s.Exists(t.Context(), tenant, c.Mailbox)
		if err != nil || !there {
			t.Errorf("%t, %v", there, err)
		}
		must(t, s.DeleteConnection(t.Context(), tenant, c.Mailbox, c.Owner))
		if c.CredentialType == CredentialCertificate {
			must(t, s.DeleteUnusedCertificate(t.Context(), tenant, c.CertificateThumbprint))
		}
	})
	return counted
}
