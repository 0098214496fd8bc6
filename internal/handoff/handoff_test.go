package handoff

import (
	"strings"
	"testing"
	"time"
)

const (
	tenantID   = "8f14e45f-ceea-4671-9c3a-2b1d5a7e6f10"
	clientID   = "3c59dc04-8e88-4502-87b2-6f1b0c9d2e77"
	mailbox    = "migration@contoso.onmicrosoft.com"
	thumbprint = "A94A8FE5CCB19BA61C4C0873D391E987982FBBD3"
	recipient  = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
)

// withCertificate is the sheet of a connection whose certificate the store keeps.
func withCertificate() Sheet {
	end := time.Date(2031, time.November, 20, 9, 30, 0, 0, time.UTC)
	return Sheet{
		ConnectionName: "Contoso", TenantID: tenantID, ClientID: clientID, Mailbox: mailbox,
		CredentialType: Certificate, Thumbprint: thumbprint, CertificateNotAfter: &end, HasPFX: true,
		PFXPath:      tenantID + "/certificates/" + thumbprint + ".pfx",
		PasswordPath: tenantID + "/connections/" + mailbox + ".pfx-password.age",
	}
}

// withSecret is the sheet of a connection whose client secret the store keeps.
func withSecret() Sheet {
	end := time.Date(2027, time.January, 31, 0, 30, 0, 0, time.FixedZone("", 3600))
	return Sheet{
		ConnectionName: "Contoso", TenantID: tenantID, ClientID: clientID, Mailbox: mailbox,
		CredentialType: ClientSecret, ClientSecretExpiresAt: &end,
		SecretPath: tenantID + "/connections/" + mailbox + ".secret.age",
	}
}

// malicious holds what has a meaning in HTML, JavaScript or PowerShell, and a letter that Windows-1252 lacks.
const malicious = `Žluť'; Remove-Item C:\ # ’+$(calc)+‘ "` + "`n" + `@{ <#
</script></style></title><script>alert(1)</script><img src=x onerror=alert(1)> {{ . }} && %COMSPEC%`

func withHostileValues() Sheet {
	s := withCertificate()
	s.ConnectionName, s.TenantID, s.ClientID, s.Mailbox, s.Thumbprint = malicious, malicious, malicious, malicious,
		malicious
	s.PFXPath, s.PasswordPath, s.IdentityPath, s.ScriptPath = malicious, malicious, malicious, malicious
	s.HandoffRecipients = []string{malicious}
	s.MigratePublicFolders, s.PublicFolderPaths = true, []string{malicious}
	return s
}

func TestASheetThatCannotBeRightNamesTheField(t *testing.T) {
	for field, spoil := range map[string]func(*Sheet){
		"tenant ID":       func(s *Sheet) { s.TenantID = "" },
		"client ID":       func(s *Sheet) { s.ClientID = "" },
		"mailbox":         func(s *Sheet) { s.Mailbox = "" },
		"credential type": func(s *Sheet) { s.CredentialType = "password" },
		"thumbprint":      func(s *Sheet) { s.Thumbprint = "" },
		"PFX":             func(s *Sheet) { s.PFXPath = "" },
	} {
		s := withCertificate()
		spoil(&s)
		_, err := HTML(s)
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("page without a right %s: error %v does not name it", field, err)
		}
		if _, err := ImportScript(s); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("script without a right %s: error %v does not name it", field, err)
		}
	}
}
