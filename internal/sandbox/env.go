package sandbox

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// TenantsFile is the content of the JSON file that the variable SANDBOX_TENANTS names: whom there is to sign in as,
// and which mailboxes there are. It holds client secrets.
type TenantsFile struct {
	Tenants []TenantEntry `json:"tenants"`
}

// TenantEntry is one tenant of a TenantsFile.
type TenantEntry struct {
	TenantID    string `json:"tenant_id"` // GUID
	DisplayName string `json:"display_name"`
	Domain      string `json:"domain"` // the initial *.onmicrosoft.com domain
	// the EWS gate: unset, false, listed (True, with apps on the list) or empty (True, with none)
	Gate      string    `json:"gate"`
	Mailboxes Mailboxes `json:"mailboxes"`
	Callers   Callers   `json:"callers"`
}

// Mailboxes are user principal names by what Exchange holds for them.
type Mailboxes struct {
	Licensed          []string `json:"licensed"` // the first one is migration@<domain>
	Unlicensed        []string `json:"unlicensed"`
	Kiosk             []string `json:"kiosk"`      // a licence that EWS refuses
	Disabled          []string `json:"disabled"`   // the account may not sign in
	NoMailbox         []string `json:"no_mailbox"` // a licence, but no mailbox in Exchange Online
	PublicFolderOwner []string `json:"public_folder_owner"`
}

// Callers are the applications that Terraform can sign in as.
type Callers struct {
	Full           Caller `json:"full"` // one application for all tenants, at home in the first
	OwnedBy        Caller `json:"owned_by"`
	NoConsentRight Caller `json:"no_consent_right"`
	ReadOnly       Caller `json:"read_only"`
	// one application for all tenants as well, which other programs sign in as: it also manages users and groups
	Interop Caller `json:"interop"`
}

// TenantsJSON returns the tenants as they are now.
func (s *Server) TenantsJSON() TenantsFile {
	tenants := s.world.Tenants
	file := TenantsFile{Tenants: make([]TenantEntry, 0, len(tenants))}
	for _, t := range tenants {
		t.Lock()
		entry := TenantEntry{
			TenantID: t.ID, DisplayName: t.DisplayName, Domain: t.Domain, Gate: t.Exchange.Gate(),
			Mailboxes: Mailboxes{
				Licensed: mailboxes(t, tenant.Licensed), Unlicensed: mailboxes(t, tenant.Unlicensed),
				Kiosk:    mailboxes(t, tenant.Kiosk),
				Disabled: mailboxes(t, tenant.Disabled), NoMailbox: mailboxes(t, tenant.NoMailbox),
				PublicFolderOwner: mailboxes(t, tenant.PublicFolderOwner),
			},
			Callers: Callers{
				Full: t.Callers[tenant.FullCaller], OwnedBy: t.Callers[tenant.OwnedByCaller],
				NoConsentRight: t.Callers[tenant.NoConsentRightCaller], ReadOnly: t.Callers[tenant.ReadOnlyCaller],
				Interop: t.Callers[tenant.InteropCaller],
			},
		}
		t.Unlock()
		file.Tenants = append(file.Tenants, entry)
	}
	return file
}

func mailboxes(t *tenant.Tenant, kind tenant.MailboxKind) []string {
	users := t.Directory.Users.List(tenant.Present(), func(u tenant.User) bool { return u.Mailbox == kind })
	return tenant.Mapped(users, func(u tenant.User) string { return u.UserPrincipalName })
}

// Variable is an environment variable.
type Variable struct{ Name, Value string }

// Environment is what the provider needs to work in the sandbox, as the full caller in the first tenant. The paths
// are those of a file with CertificateAuthorityPEM and of one with TenantsJSON.
func (s *Server) Environment(caPath, tenantsPath string) []Variable {
	return s.environmentOf(s.world.Caller, caPath, tenantsPath)
}

func (s *Server) environmentOf(caller Caller, caPath, tenantsPath string) []Variable {
	return []Variable{
		{"ARM_TENANT_ID", s.world.Tenants[0].ID},
		{"ARM_CLIENT_ID", caller.ClientID},
		{"ARM_CLIENT_SECRET", caller.ClientSecret},
		{"CODETWO_LOGIN_ENDPOINT", s.Origin()},
		{"CODETWO_GRAPH_ENDPOINT", s.Origin()},
		{"CODETWO_EXCHANGE_ENDPOINT", s.Origin()},
		{"CODETWO_CA_CERTIFICATE_PATH", caPath},
		{"SANDBOX_TENANTS", tenantsPath},
	}
}

// InteropEnvironment is Environment, and what other programs need: the caller with more rights than the provider's, and
// variables for those that take their roots from SSL_CERT_FILE and learn a cloud's endpoints from a metadata host, such
// as HashiCorp's azuread provider.
func (s *Server) InteropEnvironment(caPath, tenantsPath string) []Variable {
	origin, err := url.Parse(s.Origin())
	if err != nil {
		panic(fmt.Sprintf("the sandbox's own origin is not a URL: %v", err)) // it is made of a host and a port
	}
	return append(s.environmentOf(s.world.Interop, caPath, tenantsPath),
		Variable{"SSL_CERT_FILE", caPath},
		Variable{"ARM_METADATA_HOSTNAME", origin.Host})
}

// WriteEnvFile writes Environment as a file for a shell to source, and next to it the files that it names:
// <path>.ca.pem and <path>.tenants.json. Only the owner can read them (0600). The env file comes last and whole, so
// that a script may wait for it.
func (s *Server) WriteEnvFile(path string) error { return s.writeEnvFile(path, s.Environment) }

// WriteInteropEnvFile writes InteropEnvironment, like WriteEnvFile.
func (s *Server) WriteInteropEnvFile(path string) error {
	return s.writeEnvFile(path, s.InteropEnvironment)
}

func (s *Server) writeEnvFile(path string, environment func(caPath, tenantsPath string) []Variable) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("finding the env file's place: %w", err)
	}
	tenants, err := json.MarshalIndent(s.TenantsJSON(), "", "  ")
	if err != nil {
		return fmt.Errorf("writing the tenants as JSON: %w", err)
	}
	caPath, tenantsPath := path+".ca.pem", path+".tenants.json"
	var exports strings.Builder
	for _, variable := range environment(caPath, tenantsPath) {
		fmt.Fprintf(&exports, "export %s=%s\n", variable.Name, shellQuoted(variable.Value))
	}
	for _, file := range []struct {
		path    string
		content []byte
	}{{caPath, s.CertificateAuthorityPEM()}, {tenantsPath, append(tenants, '\n')}, {path, []byte(exports.String())}} {
		if err := writePrivateFile(file.path, file.content); err != nil {
			return err
		}
	}
	return nil
}

// SourceCommand is what to type into a POSIX shell to take over the variables of an env file, from any folder.
func SourceCommand(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute // a bare name would be looked for in PATH
	}
	return ". " + shellQuoted(path)
}

// shellQuoted writes a value so that every POSIX shell takes it literally.
func shellQuoted(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }

// writePrivateFile puts a file in place at once, readable by its owner alone even where a readable one was before.
func writePrivateFile(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // made with 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer os.Remove(file.Name()) // fails, and rightly so, once it has been renamed
	_, err = file.Write(content)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
