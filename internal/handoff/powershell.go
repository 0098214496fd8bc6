package handoff

import (
	"bytes"
	_ "embed"
	"errors"
	"text/template"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/escape"
)

//go:embed import.ps1.tmpl
var importScript string

var powershell = template.Must(template.New("import").Funcs(template.FuncMap{"quote": escape.PowerShell}).Parse(importScript))

// utf8Mark opens the script file: Windows PowerShell 5.1 reads a script without it in the machine's ANSI code page.
const utf8Mark = "\uFEFF"

// ImportScript returns a PowerShell script that imports the connection's PFX into the personal certificates of the
// current user. It asks for the password, refuses a certificate with another thumbprint, and may be run again.
// It is an error to ask for it where the store keeps no PFX.
func ImportScript(s Sheet) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.CredentialType != Certificate || !s.HasPFX {
		return nil, errors.New("import script: the store keeps no private key for this connection, so there is nothing to import")
	}
	var script bytes.Buffer
	script.WriteString(utf8Mark)
	err := powershell.ExecuteTemplate(&script, "import", map[string]string{
		"Connection": s.title(),
		"Mailbox":    s.Mailbox,
		"Thumbprint": s.Thumbprint,
		"PFX":        s.PFXPath,
		"Open":       ageCommand(s.identityPath(), s.PasswordPath),
	})
	return script.Bytes(), err
}

// ageCommand returns the command line, the same for PowerShell and for a POSIX shell, that shows what an encrypted file
// of the store holds. It is to be run in the store's folder.
func ageCommand(identity, file string) string {
	return "age --decrypt --identity " + escape.PowerShell(identity) + " " + escape.PowerShell(file)
}
