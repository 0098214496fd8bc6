//go:build !windows

// Not on Windows: files have no such modes there, and their access control lists are the store's folder's.

package store

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
)

func TestOnlyTheOwnerMayReadAStoresFiles(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	_, err := s.CreateConnection(t.Context(), withSecret(), secret)
	must(t, err)
	must(t, s.SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, nil))
	_, err = s.WriteHandoff(t.Context(), withSecret(), []byte("<html>"), nil)
	must(t, err)
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		return err
	}))
}
