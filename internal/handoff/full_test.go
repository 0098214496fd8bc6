//go:build full

package handoff

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
)

func TestTheSheetsCommandOpensThePasswordForARecipient(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	s := withCertificate()
	s.HandoffRecipients = []string{key.Recipient().String()}
	var encrypted bytes.Buffer
	writer, err := age.Encrypt(&encrypted, key.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Write([]byte("the password")); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{s.PasswordPath: encrypted.Bytes(),
		"my key.txt": []byte(key.String() + "\n")} {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	for _, command := range copied(t, render(t, s)) {
		if !strings.Contains(command, "<your key file>") {
			continue
		}
		shell := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(command, "<your key file>", "my key.txt", 1))
		shell.Dir = folder
		var complaints bytes.Buffer
		shell.Stderr = &complaints
		shown, err := shell.Output()
		if err != nil || string(shown) != "the password" {
			t.Errorf("%s: %q, %v, %s", command, shown, err, complaints.String())
		}
		return
	}
	t.Error("the sheet has no command for a recipient")
}
