package handoff

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"slices"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/escape"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
)

var (
	//go:embed sheet.html.tmpl
	sheetPage string
	//go:embed sheet.css
	sheetStyle string
	//go:embed sheet.js
	sheetScript string

	sheet = template.Must(template.New("sheet").Funcs(template.FuncMap{"named": named}).Parse(sheetPage))

	// sheetPolicy lets the page run its own script and style, and reach nothing.
	sheetPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; script-src " + source(sheetScript) +
		"; style-src " + source(sheetStyle)
)

// copyable is a value with a copy button, which says its name to those who do not see the page.
type copyable struct{ Name, Value string }

func named(name, value string) copyable { return copyable{name, value} }

// date is a row of the sheet's list of dates to keep.
type date struct {
	On    time.Time
	Event string
}

// HTML returns the hand-off sheet of a connection: one page for screen and print that needs no network. All values are
// escaped.
func HTML(s Sheet) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	withCertificate := s.CredentialType == Certificate
	expires, encrypted := s.ClientSecretExpiresAt, s.SecretPath
	if withCertificate {
		expires, encrypted = s.CertificateNotAfter, s.PasswordPath
	}
	if expires != nil {
		utc := expires.UTC()
		expires = &utc
	}
	dates := []date{{ewsaccess.End, "EWS ends in Exchange Online, without exceptions."}}
	if expires != nil {
		dates = append(dates, expiry(*expires, withCertificate))
	}
	slices.SortFunc(dates, func(a, b date) int { return a.On.Compare(b.On) })
	script := s.ScriptPath
	if script == "" {
		script = "<the .ps1 file next to this page>"
	}
	folders := append([]string{RootPublicFolder}, s.PublicFolderPaths...)

	var page bytes.Buffer
	err := sheet.Execute(&page, map[string]any{
		"Policy": sheetPolicy,
		"Style":  template.CSS(sheetStyle), //nolint:gosec // our own file
		"Script": template.JS(sheetScript), //nolint:gosec // our own file

		"Title":                s.title(),
		"TenantID":             s.TenantID,
		"Mailbox":              s.Mailbox,
		"ClientID":             s.ClientID,
		"WithCertificate":      withCertificate,
		"Thumbprint":           s.Thumbprint,
		"Expires":              expires,
		"Dates":                dates,
		"HasPFX":               s.HasPFX,
		"PFXPath":              s.PFXPath,
		"SecretPath":           s.SecretPath,
		"ScriptPath":           s.ScriptPath,
		"MigratePublicFolders": s.MigratePublicFolders,
		"PublicFolderPaths":    s.PublicFolderPaths,
		"Recipients":           s.HandoffRecipients,

		"EWSScript": ewsaccess.Script(ewsaccess.ScriptInput{TenantID: s.TenantID, ClientID: s.ClientID,
			TenantFacts: s.EWS}),
		"LookAtEWS":  ewsaccess.Look(s.Mailbox),
		"EWS":        ewsSentences(),
		"EWSHolders": visibleApps(s.EWS.Holders),
		"EWSSeenOn":  s.EWS.SeenOn(),
		"HashScript": "(Get-FileHash -Algorithm SHA256 -LiteralPath " + escape.PowerShell(script) + ").Hash",
		"RunScript":  "powershell.exe -NoProfile -ExecutionPolicy Bypass -File " + escape.PowerShell(script),
		"CheckCertificate": `Get-Item ` + escape.PowerShell(`Cert:\CurrentUser\My\`+s.Thumbprint) +
			` | Format-List Subject, NotAfter, HasPrivateKey`,
		"CheckFolders":       ShowPublicFolderPermissions(s.Mailbox, folders...),
		"GrantFolders":       GrantPublicFolderOwner(s.Mailbox, folders...),
		"OpenWithPassphrase": ageCommand(s.identityPath(), encrypted),
		"OpenWithKey":        ageCommand("<your key file>", encrypted),
	})
	return page.Bytes(), err
}

// ewsSentences are what the sheet says of EWS, by name.
func ewsSentences() map[string]string {
	sentences := map[string]string{}
	for _, name := range []string{"open", "end", "frontline", "delay", "report"} {
		sentences[name] = ewsaccess.Sentence(name)
	}
	return sentences
}

// visibleApps are applications with names that can be read as they are.
func visibleApps(apps []ewsaccess.App) []ewsaccess.App {
	apps = slices.Clone(apps)
	for i := range apps {
		apps[i].Name = escape.Visible(apps[i].Name)
	}
	return apps
}

// expiry says what happens when the credential ends.
func expiry(end time.Time, certificate bool) date {
	if certificate {
		return date{end, "The certificate ends, at " + end.Format("15:04") + " UTC. Its successor comes with a new sheet: " +
			"enter the new thumbprint in the connection before then."}
	}
	return date{end, "The client secret ends, at " + end.Format("15:04") + " UTC. Its successor comes with a new " +
		"sheet: enter it in the connection before then."}
}

// source names an inline script or style in a content security policy, by its hash.
func source(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
