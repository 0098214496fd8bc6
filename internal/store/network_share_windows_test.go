package store

import (
	"path/filepath"
	"strings"
	"testing"
)

// Windows shares its drives with administrators, C: as C$. test-windows.sh tells Wine where that share is.
func TestStoreOnANetworkShareIsWrittenAndReadByItsURL(t *testing.T) {
	dir := withIdentity(t)
	drive, below, _ := strings.Cut(filepath.ToSlash(dir), ":")
	root := "file://127.0.0.1/" + drive + "$" + below
	s, err := Open(root, passphrase)
	must(t, err)
	c, err := s.CreateConnection(t.Context(), withSecret(), 0, secret, render)
	must(t, err)
	if stored, err := open(t, dir, passphrase).ClientSecret(t.Context(), c); err != nil || stored != secret {
		t.Errorf("on the drive: %q, %v", stored, err)
	}
	if got := s.URL(); got != root {
		t.Errorf("the store at %s is shown as %s", root, got)
	}
	if got := s.RecordURL(tenant, mailbox); got != root+"/"+tenant+"/connections/"+strings.ToLower(mailbox)+".json" {
		t.Errorf("its record is shown as %s", got)
	}
	again, err := Open(s.URL(), passphrase)
	must(t, err)
	must(t, again.DeleteConnection(t.Context(), tenant, mailbox, "owner-1", 0))
	if left := filesBelow(t, filepath.Join(dir, tenant)); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
