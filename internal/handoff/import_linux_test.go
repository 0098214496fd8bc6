package handoff

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/pwsh"
)

const prompt = "Password of the certificate file:"

func TestPowerShellImportsWithAPasswordThatIsTyped(t *testing.T) {
	s := newServer(t, "store")
	result := pwsh.Type(t, s.as(pwsh.Script{File: s.script}), prompt, password+"\r")
	s.imported(result, "Done")
	if !strings.Contains(result.Stdout, "age --decrypt") {
		t.Errorf("the person is not told where the password is: %s", result.Stdout)
	}
}

func TestPowerShellIsNotSatisfiedWithWhatIsTypedInPlaceOfAPassword(t *testing.T) {
	for name, c := range map[string]struct{ keys, said string }{
		"Enter":  {"\r", "the password is empty"},
		"Ctrl+C": {"\x03", "Interrupted: the certificate was not imported."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "store")
			result := pwsh.Type(t, s.as(pwsh.Script{File: s.script}), prompt, c.keys)
			if !strings.Contains(result.Stdout, c.said) {
				t.Errorf("the terminal lacks %q: %s", c.said, result.Stdout)
			}
			s.refused(result)
		})
	}
}

func TestPowerShellReadsNoPasswordForAPipeFromATerminal(t *testing.T) {
	s := newServer(t, "store")
	s.refused(pwsh.Run(t, s.as(pwsh.Script{File: s.script, Arguments: []string{"-PasswordFromStdin"}})),
		"the password is empty")
	result := pwsh.Type(t, s.as(pwsh.Script{File: s.script, Arguments: []string{"-PasswordFromStdin"}}),
		"needs the password", "")
	if !strings.Contains(result.Stdout, "-PasswordFromStdin needs the password on standard input") {
		t.Errorf("the terminal shows: %s", result.Stdout)
	}
	s.refused(result)
}

func TestPowerShellLooksForTheFileBesideAScriptThatHasNoTwoFoldersAboveIt(t *testing.T) {
	s := newServer(t, "store")
	script, err := os.CreateTemp("/tmp", "import-*.ps1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(script.Name()) })
	_ = script.Close()
	s.script = script.Name()
	s.write(s.script, []byte(importText(t, s.sheet)))
	s.refused(s.run(password, "-PasswordFromStdin"), "No certificate file at /tmp/"+filepath.Base(s.pfx)+".")
}
