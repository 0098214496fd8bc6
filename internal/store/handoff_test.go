package store

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place/placetest"
)

// Each of these shows in the next plan, and the next apply repairs it.
func TestEveryChangeOfAHandoffShowsAndIsRepairedByTheNextApply(t *testing.T) {
	outdated := func(err error) bool { return errors.Is(err, ErrOutdated) }
	missing := func(err error) bool { return errors.Is(err, ErrNotFound) }
	for name, c := range map[string]struct {
		change func(s *Store, dir string)
		shows  func(error) bool
	}{
		"nothing": {func(*Store, string) {}, func(err error) bool { return err == nil }},
		"a sheet that is gone": {func(_ *Store, dir string) {
			removeFile(t, dir, handoffOf(HandoffSheet))
		}, missing},
		"a sheet that was changed": {func(_ *Store, dir string) {
			writeFile(t, dir, handoffOf(HandoffSheet), "<html>another</html>")
		}, IsUntrusted},
		"a script with line ends of another system": {func(_ *Store, dir string) {
			name := handoffOf(HandoffScript)
			writeFile(t, dir, name, strings.ReplaceAll(readFile(t, dir, name), "\n", "\r\n"))
		}, IsUntrusted},
		"a script of which only the last line is left": {func(_ *Store, dir string) {
			name := handoffOf(HandoffScript)
			writeFile(t, dir, name, "Remove-Item C:\\\n"+readFile(t, dir, name))
		}, IsUntrusted},
		"a script that is gone": {func(_ *Store, dir string) {
			removeFile(t, dir, handoffOf(HandoffScript))
		}, missing},
		"a PFX that is gone": {func(_ *Store, dir string) { removeFile(t, dir, keyFiles(t).pfx) }, outdated},
		"a key that is gone": {func(s *Store, _ string) {
			must(t, s.DeleteCertificate(t.Context(), tenant, thumbprint()))
		}, outdated},
		"a PFX under another password": {func(s *Store, _ string) {
			must(t, s.SealCertificate(t.Context(), tenant, thumbprint(), now))
		}, outdated},
		"a password that is gone": {func(_ *Store, dir string) { removeFile(t, dir, passwordOf(mailbox)) }, missing},
		"a password of somebody else": {func(_ *Store, dir string) {
			writeFile(t, dir, passwordOf(mailbox), "another")
		}, func(err error) bool { return err != nil }},
	} {
		dir := withIdentity(t)
		s := open(t, dir, passphrase)
		savePair(t, s)
		created := create(t, s, withKey())
		c.change(s, dir)
		if err := drift(t, s, created); !c.shows(err) {
			t.Errorf("%s: the plan shows: %v", name, err)
		}
		update(t, s, created, nil)
		hasNoDrift(t, s)
	}
}

func TestAHandoffIsOutdatedOnceTheKeyComesIntoTheStoreAndRenewedWithoutAChangeOfTheConnection(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	created := create(t, s, withKey())
	hasNoDrift(t, s)
	if left := filesBelow(t, filepath.Join(dir, tenant)); len(left) != 2 {
		t.Errorf("without a key in the store, it has %v", left)
	}
	savePair(t, s)
	if err := drift(t, s, created); !errors.Is(err, ErrOutdated) {
		t.Errorf("the plan shows: %v", err)
	}
	must(t, s.RenewConnections(t.Context(), tenant, thumbprint(), render))
	hasNoDrift(t, s)
	renewed := read(t, s)
	if renewed.Revision != created.Revision || renewed.Generation != created.Generation {
		t.Errorf("the connection has become %+v", renewed)
	}
	if passwordIn(t, dir, passwordOf(mailbox)) != passwordIn(t, dir, keyFiles(t).password) {
		t.Error("the password is not the PFX's")
	}
	must(t, s.RenewConnections(t.Context(), tenant, thumbprint(), render))
	if again := read(t, s); again.version != renewed.version {
		t.Error("what is renewed already was written again")
	}
}

func TestAScriptThatNoRecordNamesShowsAndIsRemoved(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	created := create(t, s, withCertificate())
	writeFile(t, dir, handoffOf(HandoffScript), "Remove-Item C:\\")
	if err := drift(t, s, created); !errors.Is(err, ErrOutdated) {
		t.Errorf("the plan shows: %v", err)
	}
	update(t, s, created, nil)
	hasNoDrift(t, s)
}

// A place that does not answer is an error and not a plan to write everything again.
func TestAHandoffThatCannotBeCheckedIsAnErrorAndNotDrift(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	savePair(t, s)
	created := create(t, s, withKey())
	counted := failAt(s, -1)
	must(t, s.CheckHandoff(t.Context(), created))
	operations := counted.Done
	for n := range operations {
		s = open(t, dir, passphrase)
		must(t, s.Unlock(t.Context()))
		failAt(s, n)
		err := s.CheckHandoff(t.Context(), created)
		if !errors.Is(err, placetest.ErrGone) || errors.Is(err, ErrOutdated) || errors.Is(err, ErrNotFound) ||
			IsUntrusted(err) {
			t.Errorf("operation %d of %d fails: %v", n, operations, err)
		}
	}
}

func TestWhatAConnectionNamesInTheStoreIsToldByItsKind(t *testing.T) {
	s := open(t, withIdentity(t), passphrase)
	savePair(t, s)
	files, err := ConnectionFiles(tenant, mailbox, thumbprint())
	must(t, err)
	create(t, s, withKey())
	for _, name := range []string{
		files.Identity, files.PFX, files.Password, files.HandoffSheet, files.HandoffScript,
	} {
		if there, err := s.files.Exists(t.Context(), name); err != nil || !there {
			t.Errorf("%s: %t, %v", name, there, err)
		}
	}
	if e, err := s.PFXEncryption(t.Context(), tenant, thumbprint()); err != nil || e != certificate.AES256 {
		t.Errorf("%s, %v", e, err)
	}
	c := withSecret()
	c.Mailbox = "other@contoso.com"
	create(t, s, c)
	if there, err := s.files.Exists(t.Context(), secretOf("other@contoso.com")); err != nil || !there {
		t.Errorf("the secret: %t, %v", there, err)
	}
}
