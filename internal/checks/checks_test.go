package checks

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ews"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

const (
	tenantID = "11111111-2222-3333-4444-555555555555"
	clientID = "66666666-7777-8888-9999-aaaaaaaaaaaa"
	address  = "migration@contoso.com"
	plan2    = "efb87545-963c-4e0d-99df-69c6916d9eb0"
)

var today = time.Date(2026, time.November, 23, 9, 0, 0, 0, time.UTC)

// well are the facts of a connection with which nothing is wrong.
func well() Facts {
	expires := today.AddDate(1, 0, 0)
	return Facts{
		Now: today, ConnectionID: tenantID + "/" + address, Login: "https://login.microsoftonline.com",
		Connection: &store.Connection{
			TenantID: tenantID, Mailbox: address, Name: "contoso.com", ClientID: clientID,
			CredentialType: "client_secret", ClientSecretExpiresAt: &expires, MigratePublicFolders: true,
		},
		Graph:    TokenFacts{Taken: true, Roles: []string{"Directory.Read.All"}},
		Exchange: TokenFacts{Taken: true, Roles: []string{"full_access_as_app"}},
		Answers: Answers{
			Organization: &entra.Organization{TenantID: tenantID, DisplayName: "Contoso", Domains: []entra.Domain{
				{Name: "contoso.onmicrosoft.com", Initial: true}, {Name: "Contoso.com", Default: true},
			}},
			User: &entra.User{
				UserPrincipalName: address, Mail: address, Enabled: true, ProxyAddresses: []string{"SMTP:" + address},
				Plans: []entra.AssignedPlan{{Service: "exchange", ServicePlanID: plan2, Status: "Enabled"}},
			},
			PublicFolders: ews.Folder{Permissions: []ews.FolderPermission{
				{Level: "None"}, {Mailbox: "Migration@Contoso.com", Level: "Owner"},
			}},
		},
	}
}

func withCertificate(f *Facts) {
	expires := today.AddDate(5, 0, 0)
	f.Connection.CredentialType, f.Connection.CertificateThumbprint = "certificate",
		"0123456789ABCDEF0123456789ABCDEF01234567"
	f.Connection.CertificateNotAfter, f.Connection.ClientSecretExpiresAt = &expires, nil
}

func find(t *testing.T, r Report, name string) Result {
	t.Helper()
	for _, check := range r.Results {
		if check.Name == name {
			return check
		}
	}
	t.Fatalf("no check %q", name)
	return Result{}
}

func connected(r Report) string {
	if r.Connected == nil {
		return "null"
	}
	return fmt.Sprint(*r.Connected)
}

func TestAWorkingConnectionIsConnected(t *testing.T) {
	t.Parallel()
	report := Judge(well())
	if connected(report) != "true" {
		t.Errorf("connected = %s: %+v", connected(report), report.Results)
	}
	var names []string
	for _, check := range report.Results {
		names = append(names, check.Name)
		if want := map[bool]Status{true: Warning, false: Passed}[check.Name == EWS]; check.Status != want {
			t.Errorf("%s: %s (%s), want %s", check.Name, check.Status, check.Detail, want)
		}
	}
	if !slices.Equal(names, Names()) {
		t.Errorf("the order is %v", names)
	}
	if ews := find(t, report, EWS); !strings.Contains(ews.Detail, "2027-04-01") {
		t.Errorf("a working EWS must still name its last day: %s", ews.Detail)
	}
}

func TestWhatIsWrongIsNamedWithARemedy(t *testing.T) {
	t.Parallel()
	at := func(days int) *time.Time { day := today.AddDate(0, 0, days); return &day }
	refused := func(e ews.Error) func(*Facts) { return func(f *Facts) { f.EWSErr = fmt.Errorf("ews: %w", &e) } }
	noMailboxFound := refused(ews.Error{Status: 500, Code: ews.CodeNoMailbox})
	cases := map[string]struct {
		spoil     func(*Facts)
		check     string
		status    Status
		connected string
		says      []string // in the detail
		remedy    []string
	}{
		"no such connection": {func(f *Facts) {
			f.Connection, f.ConnectionErr = nil,
				fmt.Errorf("x: %w", store.ErrNotFound)
		}, Record, Failed, "false", []string{tenantID + "/" + address},
			[]string{"connection_id"}},
		"a damaged record": {func(f *Facts) {
			f.Connection, f.ConnectionErr = nil,
				&store.UntrustedError{URL: "x.json"}
		}, Record, Failed, "false", []string{"x.json"},
			[]string{"who wrote the file", "run terraform apply"}},
		"no passphrase for the record": {func(f *Facts) { f.Connection, f.ConnectionErr = nil, store.ErrPassphraseMissing },
			Record, Skipped, "null", []string{"passphrase"}, []string{"CODETWO_STORE_PASSPHRASE"}},
		"another store": {func(f *Facts) {
			f.Connection, f.ConnectionErr = nil, &store.OtherIdentityError{URL: "identity.age", Found: "age1a", Known: "age1b"}
		}, Record, Failed, "false", []string{"age1a", "age1b"}, []string{"connection_store", "backup"}},
		"a store that is being renewed": {func(f *Facts) {
			f.Connection, f.ConnectionErr = nil, &store.RenewalError{URL: "identity-next.age"}
		}, Record, Failed, "false", []string{"identity-next.age", "renew-identity"}, []string{"Finish the renewal"}},
		"a store that does not answer": {func(f *Facts) { f.Connection, f.ConnectionErr = nil, errors.New("disk on fire") },
			Record, Skipped, "null", []string{"disk on fire"}, nil},

		"no passphrase": {func(f *Facts) { f.Credential.Err = store.ErrPassphraseMissing }, Credential,
			Skipped, "null", []string{"passphrase"}, []string{"CODETWO_STORE_PASSPHRASE"}},
		"a wrong passphrase": {func(f *Facts) { f.Credential.Err = sealing.ErrPassphraseWrong }, Credential,
			Skipped, "null", []string{"does not open"}, []string{"CODETWO_STORE_PASSPHRASE"}},
		"a passphrase that is too short": {func(f *Facts) { f.Credential.Err = sealing.CheckPassphrase("short") }, Credential,
			Skipped, "null", []string{"5 characters"}, []string{"CODETWO_STORE_PASSPHRASE"}},
		"a damaged key": {func(f *Facts) {
			withCertificate(f)
			f.Credential.Err = &store.UntrustedError{URL: "file:///s/x.pfx"}
		}, Credential, Failed, "false",
			[]string{"x.pfx"}, []string{"run terraform apply", "certificate_pfx_path"}},
		"a damaged store key": {func(f *Facts) { f.Credential.Err = &store.UntrustedError{URL: "file:///s/identity.age"} },
			Credential, Failed, "false",
			[]string{"identity.age"}, []string{"backup", "empty folder"}},
		"a secret that is gone": {func(f *Facts) { f.Credential.Err = store.ErrNotFound }, Credential, Failed,
			"false", []string{"client secret"}, []string{"client_secret_wo"}},
		"a damaged secret": {func(f *Facts) { f.Credential.Err = &store.UntrustedError{URL: "x.age"} },
			Credential, Failed, "false", []string{"x.age"}, []string{"backup"}},
		"an expired secret": {func(f *Facts) { f.Connection.ClientSecretExpiresAt = at(-1) }, Credential, Failed,
			"false", []string{"expired on 2026-11-22"}, []string{"client_secret_wo"}},
		"a secret at its end": {func(f *Facts) { f.Connection.ClientSecretExpiresAt = at(0) }, Credential, Failed,
			"false", []string{"expired on 2026-11-23"}, nil},
		"a secret that expires soon": {func(f *Facts) { f.Connection.ClientSecretExpiresAt = at(59) }, Credential, Warning,
			"true", []string{"expires on 2027-01-21"}, []string{"client_secret_wo"}},
		"a secret that expires in time": {func(f *Facts) { f.Connection.ClientSecretExpiresAt = at(60) }, Credential, Passed,
			"true", []string{"2027-01-22"}, nil},
		"a secret of unknown end": {func(f *Facts) { f.Connection.ClientSecretExpiresAt = nil }, Credential, Passed,
			"true", []string{"not recorded"}, nil},
		"an expired certificate": {func(f *Facts) { withCertificate(f); f.Connection.CertificateNotAfter = at(-1) },
			Credential, Failed, "false", []string{"0123456789ABCDEF", "2026-11-22"}, []string{"certificate_thumbprint"}},
		"a key elsewhere": {func(f *Facts) { withCertificate(f); f.Credential.KeyMissing = true }, Credential,
			Skipped, "null", []string{"not in the store"}, []string{"migration server"}},
		"a key elsewhere, but too late": {func(f *Facts) {
			withCertificate(f)
			f.Credential.KeyMissing = true
			f.Connection.CertificateNotAfter = at(-1)
		}, Credential, Failed, "false", []string{"expired"}, nil},
		"a small key": {func(f *Facts) {
			withCertificate(f)
			f.Credential.Certificate = &x509.Certificate{NotAfter: *at(1000),
				PublicKey: &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}}
		}, Credential, Failed, "false", []string{"2048"}, []string{"certificate_thumbprint"}},
		"a certificate of tomorrow": {func(f *Facts) {
			withCertificate(f)
			f.Credential.Certificate = &x509.Certificate{NotBefore: *at(1), NotAfter: *at(1000),
				PublicKey: &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537}}
		}, Credential, Failed, "false", []string{"2026-11-24"}, []string{"clock"}},
		"a certificate whose record is out of date": {func(f *Facts) {
			withCertificate(f)
			f.Credential.Certificate = &x509.Certificate{NotAfter: *at(10),
				PublicKey: &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537}}
		}, Credential, Warning, "true", []string{"2026-12-03"}, nil},
		"a key of a missing passphrase": {func(f *Facts) {
			withCertificate(f)
			f.Credential.Err = store.ErrPassphraseMissing
		}, Credential, Skipped, "null", []string{"private key"}, []string{"CODETWO_STORE_PASSPHRASE"}},
		"a certificate of a sound key": {withCertificate, Credential, Passed, "true", []string{"2031-11-23"}, nil},

		"a tenant that is not there": {func(f *Facts) { f.TenantErr = &auth.Error{Codes: []int{90002}, Status: 400} },
			Tenant, Failed, "false", []string{"AADSTS90002", "CodeTwo says"}, []string{"tenant_id"}},
		"a sign-in without an answer": {func(f *Facts) { f.TenantErr = errors.New("connection refused") }, Tenant, Skipped,
			"null", []string{"connection refused"}, []string{"HTTPS_PROXY"}},

		"the secret's ID for its value": {func(f *Facts) { refuse(f, 7000215) }, Token, Failed, "false",
			[]string{"AADSTS7000215", "value, not its ID"}, []string{"client_secret_wo"}},
		"an unknown app": {func(f *Facts) { refuse(f, 700016) }, Token, Failed, "false",
			[]string{"The operation was canceled"}, []string{tenantID}},
		"an app that is switched off": {func(f *Facts) { refuse(f, 7000112) }, Token, Failed, "false", []string{"disabled"},
			[]string{"Enterprise applications"}},
		"a tenant without Exchange": {func(f *Facts) { f.Exchange.Err = &auth.Error{Codes: []int{500011}} }, Token,
			Failed, "false", []string{"Office 365 Exchange Online", "never provisioned"}, []string{"licence"}},
		"an unknown code": {func(f *Facts) {
			e := &auth.Error{Code: "AADSTS999999", Codes: []int{999999}, Status: 400, CorrelationID: "c-1",
				Description: "AADSTS999999: Something new. Trace ID: t-1 Timestamp: 2026"}
			f.Graph.Err, f.Exchange.Err = e, e
		}, Token, Failed, "false", []string{"AADSTS999999: Something new."}, []string{"Sign-in logs"}},
		"a service that is down": {func(f *Facts) { f.Graph.Err = &auth.Error{Status: 503}; f.Exchange.Err = f.Graph.Err },
			Token, Skipped, "null", []string{"503"}, nil},
		"one refusal and one timeout": {func(f *Facts) {
			f.Graph.Err = errors.New("timeout")
			f.Exchange.Err = &auth.Error{Codes: []int{500011}}
		}, Token, Failed, "false", []string{"timeout", "AADSTS500011"}, nil},

		"no consent": {func(f *Facts) { f.Graph.Roles, f.Exchange.Roles = nil, nil }, Permissions, Failed, "false",
			[]string{"Microsoft Graph/Directory.Read.All", "Office 365 Exchange Online/full_access_as_app", "unproved"},
			[]string{"https://login.microsoftonline.com/" + tenantID + "/adminconsent?client_id=" + clientID,
				"grant_admin_consent"}},
		"no consent to Graph": {func(f *Facts) { f.Graph.Roles = nil }, Permissions, Failed, "false", nil,
			[]string{`skip_checks = ["permissions", "organization", "mailbox"]`}},
		"a wider role": {func(f *Facts) { f.Graph.Roles = []string{"Directory.ReadWrite.All"} }, Permissions,
			Passed, "true", nil, nil},
		"more than is needed": {func(f *Facts) { f.Graph.Roles = append(f.Graph.Roles, "Mail.ReadWrite", "Brand.New") },
			Permissions, Warning, "true", []string{"Microsoft Graph/Brand.New, Microsoft Graph/Mail.ReadWrite"},
			[]string{clientID}},
		"roles that are unclear": {func(f *Facts) { f.Graph.RolesErr = errors.New("opaque") }, Permissions, Skipped, "null",
			[]string{"opaque"}, nil},

		"another tenant's domain": {func(f *Facts) { f.Connection.Mailbox = "migration@fabrikam.com" }, Organization, Failed,
			"false", []string{"fabrikam.com is not a verified domain", "Contoso.com"}, []string{"Domains"}},
		"a refused organization": {func(f *Facts) { f.OrganizationErr = &entra.Error{Status: 403} }, Organization, Skipped,
			"null", []string{"Directory.Read.All"}, []string{"Directory.Read.All"}},
		"a redirect of a proxy": {func(f *Facts) {
			f.OrganizationErr = &entra.Error{Status: 302, Method: "GET", Path: "/v1.0/organization"}
		}, Organization, Skipped, "null", []string{"HTTP 302"}, []string{"Check the network"}},

		"no such user": {func(f *Facts) {
			f.User, f.UserErr = nil,
				&entra.Error{Status: 404, Code: "Request_ResourceNotFound"}
		}, Mailbox, Failed, "false",
			[]string{address, "has no mailbox associated"}, []string{"mailbox"}},
		"a 404 of a proxy": {func(f *Facts) { f.User, f.UserErr = nil, &entra.Error{Status: 404} },
			Mailbox, Skipped, "null", []string{"HTTP 404"}, []string{"again"}},
		"a refused user": {func(f *Facts) { f.User, f.UserErr = nil, &entra.Error{Status: 403} },
			Mailbox, Skipped, "null", []string{"Directory.Read.All"}, nil},
		"a blocked account whose mailbox opens": {func(f *Facts) { f.User.Enabled = false }, Mailbox, Warning, "true",
			[]string{"blocked", "can still open"}, nil},
		"a blocked account that EWS refuses": {func(f *Facts) {
			f.User.Enabled = false
			refused(ews.Error{Status: 500, Code: ews.CodeAccountDisabled})(f)
		}, Mailbox, Failed, "false", []string{"blocked"}, []string{"Unblock"}},
		"a blocked account without a mailbox": {func(f *Facts) {
			f.User.Enabled = false
			refused(ews.Error{Status: 500, Code: ews.CodeNoMailbox})(f)
		}, Mailbox, Failed, "false", []string{"blocked"}, []string{"Unblock"}},
		"a blocked account behind a closed gate": {func(f *Facts) {
			f.User.Enabled = false
			refused(ews.Error{Status: 403, PolicyReason: ewsDisabled})(f)
		}, Mailbox, Warning, "false", []string{"not known"}, []string{"shared mailbox"}},
		"a blocked account of an app without the role": {func(f *Facts) {
			f.User.Enabled = false
			f.Exchange.Roles = nil
		}, Mailbox, Warning, "false", []string{"not known"}, []string{"shared mailbox"}},
		"a blocked account, EWS left out": {func(f *Facts) {
			f.User.Enabled = false
			f.SkipChecks = []string{EWS, PublicFolders}
		}, Mailbox, Warning, "true", []string{"not known"}, []string{"shared mailbox"}},
		"a blocked account while EWS is silent": {func(f *Facts) {
			f.User.Enabled = false
			f.EWSErr = errors.New("timeout")
		}, Mailbox, Warning, "null", []string{"not known"}, []string{"shared mailbox"}},
		"a blocked account without a licence or a mailbox": {func(f *Facts) {
			f.User.Enabled, f.User.Plans = false, nil
			noMailboxFound(f)
		}, Mailbox, Failed, "false", []string{"no Exchange licence"}, nil},
		"a shared mailbox: a blocked account without a licence": {func(f *Facts) {
			f.User.Enabled, f.User.Plans = false, nil
		}, Mailbox, Warning, "true", []string{"no active Exchange licence", "can still open"}, []string{"shared mailbox",
			"Licenses and apps"}},
		"no licence, and yet a mailbox": {func(f *Facts) { f.User.Plans = nil }, Mailbox, Warning, "true",
			[]string{"no active Exchange licence", "can still open"}, []string{"shared mailbox", "Licenses and apps"}},
		"no licence": {func(f *Facts) { f.User.Plans = nil; noMailboxFound(f) }, Mailbox, Failed, "false",
			[]string{"no Exchange licence", "has no mailbox associated"}, []string{"Licenses and apps"}},
		"no licence while EWS is silent": {func(f *Facts) { f.User.Plans, f.EWSErr = nil, errors.New("timeout") }, Mailbox,
			Failed, "false", []string{"no Exchange licence"}, []string{"Licenses and apps"}},
		"no licence, EWS left out": {func(f *Facts) {
			f.User.Plans, f.SkipChecks = nil, []string{EWS, PublicFolders}
		}, Mailbox, Failed, "false", []string{"no Exchange licence"}, []string{"Licenses and apps"}},
		"another service's": {func(f *Facts) { f.User.Plans[0].Service = "SharePoint"; noMailboxFound(f) }, Mailbox, Failed,
			"false", []string{"no Exchange licence"}, nil},
		"a foundation alone": {func(f *Facts) {
			f.User.Plans[0].ServicePlanID = "113feb6c-3fe4-4440-bddc-54d774bf0318"
			noMailboxFound(f)
		}, Mailbox, Failed, "false", []string{"no Exchange licence"}, nil},
		"a frontline licence": {func(f *Facts) { f.User.Plans[0].ServicePlanID = strings.ToUpper(kioskPlan) },
			Mailbox, Failed, "false", []string{"F3"}, []string{"Plan 1 or 2"}},
		"a suspended licence": {func(f *Facts) { f.User.Plans[0].Status = "Suspended"; noMailboxFound(f) }, Mailbox, Failed,
			"false", []string{"Suspended"}, nil},
		"a licence in grace": {func(f *Facts) { f.User.Plans[0].Status = "Warning" }, Mailbox, Warning,
			"true", []string{"grace"}, []string{"Renew"}},
		"an unknown plan": {func(f *Facts) { f.User.Plans[0].ServicePlanID = tenantID }, Mailbox, Warning,
			"true", []string{tenantID}, nil},
		"kiosk and a better plan": {func(f *Facts) {
			f.User.Plans = append([]entra.AssignedPlan{{Service: "exchange", ServicePlanID: kioskPlan, Status: "Enabled"}},
				f.User.Plans...)
		}, Mailbox, Passed, "true", nil, nil},
		"a name for an address": {func(f *Facts) {
			f.User.Mail, f.User.ProxyAddresses = "m@contoso.com",
				[]string{"SMTP:m@contoso.com"}
		}, Mailbox, Warning, "true", []string{"no e-mail address"},
			[]string{"m@contoso.com"}},
		"neither licence nor address": {func(f *Facts) {
			f.User.Mail, f.User.ProxyAddresses, f.User.Plans = "m@contoso.com",
				nil, nil
			noMailboxFound(f)
		}, Mailbox, Failed, "false", []string{"no Exchange licence"}, nil},
		"a second address": {func(f *Facts) {
			f.User.Mail = "m@contoso.com"
			f.User.ProxyAddresses = []string{"SMTP:m@contoso.com", "smtp:" + address}
		}, Mailbox, Passed, "true", nil, nil},

		"EWS switched off": {refused(ews.Error{Status: 403, PolicyReason: ewsDisabled}), EWS, Failed, "false",
			[]string{"EwsEnabled"}, []string{"Look first", "Get-OrganizationConfig -RetrieveEwsOperationAccessPolicy",
				"Get-CASMailbox -Identity '" + address + "'", "Set-CASMailbox -Identity '" + address + "'"}},
		"a mailbox that may not use EWS": {func(f *Facts) {
			f.User.Plans[0].ServicePlanID = kioskPlan
			f.SkipChecks = []string{Mailbox}
			refused(ews.Error{Status: 403, PolicyReason: ewsDisabled})(f)
		}, EWS, Failed, "false", nil, []string{"First the licence", "Plan 1 or 2"}},
		"an app off the list": {refused(ews.Error{Status: 403, PolicyReason: ewsBlocked}), EWS, Failed, "false",
			[]string{clientID, "EwsAllowedAppIDs"}, []string{"Get-OrganizationConfig", "EwsApplicationAccessPolicy",
				"24 hours"}},
		"another policy": {refused(ews.Error{Status: 403, PolicyReason: "brand new"}), EWS, Failed, "false",
			[]string{"brand new"}, []string{"Get-OrganizationConfig"}},
		"a refusal without reason": {refused(ews.Error{Status: 403}), EWS, Failed, "false", []string{"without saying why"},
			[]string{"Kiosk"}},
		"EWS after its end": {func(f *Facts) {
			refused(ews.Error{Status: 403,
				PolicyReason: ewsDisabled})(f)
			f.Now = ewsaccess.End
		}, EWS, Failed, "false", []string{"EWS ended", "2027-04-01"},
			[]string{"without EWS"}},
		"no mailbox in Exchange": {refused(ews.Error{Status: 500, Code: ews.CodeNoMailbox}), EWS, Failed, "false",
			[]string{"CodeTwo says", "has a licence"}, []string{"on premises", "Get-EXOMailbox"}},
		"no mailbox for want of a licence": {func(f *Facts) {
			f.User.Plans, f.SkipChecks = nil, []string{Mailbox}
			refused(ews.Error{Status: 500, Code: ews.CodeNoMailbox})(f)
		}, EWS, Failed, "false", []string{"CodeTwo says"}, []string{"an Exchange licence"}},
		"a denied impersonation": {refused(ews.Error{Status: 403, Code: ews.CodeImpersonationDenied}), EWS, Failed,
			"false", []string{ews.CodeImpersonationDenied}, []string{"Test-ApplicationAccessPolicy"}},
		"a disabled account": {refused(ews.Error{Status: 500, Code: ews.CodeAccountDisabled}), EWS, Failed, "false",
			nil, []string{"Unblock"}},
		"an unaccepted token": {refused(ews.Error{Status: 401}), EWS, Failed, "false", []string{"401"},
			[]string{clientID}},
		"a busy Exchange": {refused(ews.Error{Status: 500, Code: ews.CodeServerBusy, BackOff: time.Minute}), EWS,
			Skipped, "null", []string{"busy"}, []string{"again"}},
		"a proxy's page": {refused(ews.Error{Status: 200, NotEWS: true}), EWS, Skipped, "null",
			[]string{"other than EWS"}, []string{"HTTPS_PROXY"}},
		"no answer from Exchange": {func(f *Facts) { f.EWSErr = errors.New("timeout") }, EWS, Skipped, "null",
			[]string{"timeout"}, []string{"HTTPS_PROXY"}},
		"no time left": {func(f *Facts) { f.EWSErr = fmt.Errorf("post: %w", context.DeadlineExceeded) }, EWS,
			Skipped, "null", []string{"timeouts ran out"}, nil},
		"an address off the origin": {func(f *Facts) {
			f.EWSURLErr = fmt.Errorf("https://evil.example is %w",
				ews.ErrOtherOrigin)
		}, EWS, Failed, "false", []string{"evil.example", "No token"}, []string{"endpoints.exchange"}},
		"an idle Autodiscover": {func(f *Facts) { f.EWSURLErr = &ews.Error{Status: 302} }, EWS, Warning, "true", nil,
			nil},

		"no answer of public folders": {func(f *Facts) {
			f.PublicFoldersErr = &ews.Error{Status: 200,
				Code: ews.CodeFolderNotFound}
		}, PublicFolders, Skipped, "null", []string{ews.CodeFolderNotFound},
			[]string{"Get-PublicFolder"}},
		"no public folders at all": {func(f *Facts) {
			f.PublicFoldersErr = &ews.Error{Status: 200, Code: ews.CodeNoPublicFolders, RequestID: "r-1"}
		}, PublicFolders, Failed, "false",
			[]string{"has no public folders"}, []string{"migrate_public_folders = false"}},
		"closed public folders": {func(f *Facts) { f.PublicFoldersErr = &ews.Error{Status: 200, Code: ews.CodeAccessDenied} },
			PublicFolders, Failed, "false", nil, []string{"-AccessRights Owner"}},
		"an author": {func(f *Facts) {
			f.PublicFolders = ews.Folder{Rights: &ews.Rights{Read: true, CreateContents: true}}
		}, PublicFolders, Failed, "false",
			[]string{"may not create subfolders, change the folder"}, []string{"Add-PublicFolderClientPermission", "-User '" +
				address + "'"}},
		"an owner through a group": {func(f *Facts) {
			f.PublicFolders = ews.Folder{Rights: &ews.Rights{Read: true, CreateContents: true, CreateHierarchy: true,
				Modify: true}}
		}, PublicFolders, Passed, "true", nil, nil},
		"another owner": {func(f *Facts) {
			f.PublicFolders = ews.Folder{Permissions: []ews.FolderPermission{{Mailbox: "other@contoso.com", Level: "Owner"}},
				Rights: &ews.Rights{}}
		}, PublicFolders, Failed, "false", []string{"read items"}, nil},
		"rights that are not told": {func(f *Facts) { f.PublicFolders = ews.Folder{} }, PublicFolders, Skipped, "null", nil,
			nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			facts := well()
			c.spoil(&facts)
			report := Judge(facts)
			got := find(t, report, c.check)
			if got.Status != c.status || connected(report) != c.connected {
				t.Errorf("%s, connected %s; want %s, %s: %s", got.Status, connected(report), c.status, c.connected, got.Detail)
			}
			says(t, "detail", got.Detail, c.says)
			says(t, "remedy", got.Remedy, c.remedy)
			failures := slices.DeleteFunc(slices.Clone(report.Results),
				func(check Result) bool { return check.Status != Failed })
			if c.status == Failed && failures[0].Name != c.check {
				t.Errorf("%s failed first: %s", failures[0].Name, failures[0].Detail)
			}
			for _, check := range failures {
				if check.Remedy == "" {
					t.Errorf("%s failed without a remedy: %s", check.Name, check.Detail)
				}
			}
		})
	}
}

// says fails the test where a text of a result lacks some words.
func says(t *testing.T, what, text string, all []string) {
	t.Helper()
	for _, words := range all {
		if !strings.Contains(text, words) {
			t.Errorf("the %s lacks %q: %s", what, words, text)
		}
	}
}

func TestIDsAndPortsThatDifferEachTimeStayOutOfTheReport(t *testing.T) {
	t.Parallel()
	facts := func(id string, port int) map[string]Facts {
		refusal, gate, folders, directory, network, redirect := well(), well(), well(), well(), well(), well()
		refused := &entra.Error{Status: 500, Method: "GET", Path: "/v1.0/organization", RequestID: id}
		refusal.Graph.Err = signinError(id)
		refusal.Exchange.Err = refusal.Graph.Err
		gate.EWSErr = &ews.Error{Status: 500, Code: "ErrorInternalServerError", RequestID: id}
		folders.PublicFoldersErr = gate.EWSErr
		directory.OrganizationErr = refused
		redirect.User, redirect.UserErr = nil, &entra.Error{Status: 302, Method: "GET", Path: "/v1.0/users", RequestID: id}
		network.EWSErr = fmt.Errorf("Post: read tcp 127.0.0.1:%d->127.0.0.2:443: stream error: stream ID %d; "+
			"INTERNAL_ERROR; received from peer", port, port)
		return map[string]Facts{Token: refusal, EWS: gate, PublicFolders: folders, Organization: directory,
			Mailbox: redirect, "network": network}
	}
	first, second := facts("id-one", 40001), facts("id-two", 40002)
	for name := range first {
		one, two := Judge(first[name]), Judge(second[name])
		if name != "network" && !strings.Contains(find(t, one, name).Support, "id-one") {
			t.Errorf("%s: the ID is lost: %+v", name, find(t, one, name))
		}
		for i := range one.Results {
			one.Results[i].Support, two.Results[i].Support = "", ""
		}
		if !reflect.DeepEqual(one.Results, two.Results) {
			t.Errorf("%s reads otherwise the second time:\n%+v\n%+v", name, one.Results, two.Results)
		}
	}
}

func signinError(id string) error {
	return &auth.Error{Code: "AADSTS999999", Codes: []int{999999}, Status: 400, CorrelationID: id,
		Description: "AADSTS999999: Something new."}
}

func refuse(f *Facts, code int) {
	f.Graph.Err = &auth.Error{Codes: []int{code}, Status: 401, CorrelationID: "c"}
	f.Exchange.Err = f.Graph.Err
}

func TestWhatCouldNotBeCheckedSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		spoil func(*Facts)
		check string
		says  string
	}{
		"token needs the credential": {func(f *Facts) { f.Credential.Err = store.ErrNotFound }, Token,
			`the check "credential", which failed`},
		"mailbox needs the credential": {func(f *Facts) { f.Credential.Err = store.ErrPassphraseMissing }, Mailbox,
			`the check "credential", which was skipped`},
		"token needs the tenant":     {func(f *Facts) { f.TenantErr = errors.New("x") }, Token, `the check "tenant"`},
		"permissions need the token": {func(f *Facts) { refuse(f, 700016) }, Permissions, `the check "token"`},
		"organization needs a role": {func(f *Facts) { f.Graph.Roles = nil }, Organization,
			"lacks the role Directory.Read.All"},
		"ews needs its role": {func(f *Facts) { f.Exchange.Roles = nil }, EWS,
			"lacks the role full_access_as_app"},
		"ews needs Exchange's token": {func(f *Facts) { f.Exchange.Err = errors.New("x") }, EWS,
			"no token for Office 365 Exchange Online"},
		"public folders need the mailbox": {func(f *Facts) { f.EWSErr = errors.New("x") }, PublicFolders,
			`the check "ews"`},
		"everything needs the record": {func(f *Facts) { f.Connection, f.ConnectionErr = nil, store.ErrNotFound },
			PublicFolders, `the check "ews"`},
		"a skipped check leaves dependents": {func(f *Facts) { f.SkipChecks = []string{Token} }, Mailbox,
			`the check "token", which was skipped`},
	}
	for name, c := range cases {
		facts := well()
		c.spoil(&facts)
		report := Judge(facts)
		got := find(t, report, c.check)
		if got.Status != Skipped || !got.Inconclusive || !strings.Contains(got.Detail, c.says) {
			t.Errorf("%s: %+v", name, got)
		}
		if connected(report) == "true" {
			t.Errorf("%s: connected, although %s was left open", name, c.check)
		}
	}
}

func TestATenantWithoutExchangeIsStillReadThroughGraph(t *testing.T) {
	t.Parallel()
	facts := well()
	facts.Exchange.Err = &auth.Error{Codes: []int{500011}}
	if got := find(t, Judge(facts), Organization); got.Status != Passed {
		t.Errorf("organization: %+v", got)
	}
}

func TestARoleThatServesOneCheckOnlyServesThatCheck(t *testing.T) {
	t.Parallel()
	facts := well()
	facts.Graph.Roles = []string{"Organization.Read.All"}
	if !facts.Runnable(Organization) {
		t.Error("Organization.Read.All does not read the organization")
	}
	if facts.Runnable(Mailbox) {
		t.Error("Organization.Read.All reads no users")
	}
}

func TestRolesThatCannotBeReadLeaveTheAnswerToTheAPI(t *testing.T) {
	t.Parallel()
	facts := well()
	facts.Exchange = TokenFacts{Taken: true, RolesErr: errors.New("opaque")}
	if !facts.Runnable(EWS) {
		t.Error("Exchange is not asked")
	}
}

func TestASkippedCheckDoesNotCount(t *testing.T) {
	t.Parallel()
	facts := well()
	facts.EWSErr = &ews.Error{Status: 403, PolicyReason: ewsBlocked}
	facts.SkipChecks = []string{EWS, PublicFolders}
	if report := Judge(facts); connected(report) != "true" || find(t, report, EWS).Status != Skipped {
		t.Errorf("connected = %s: %+v", connected(report), find(t, report, EWS))
	}
	facts.SkipChecks = Names()
	if report := Judge(facts); connected(report) != "null" {
		t.Errorf("nothing was checked, yet connected = %s", connected(report))
	}
	facts = well()
	facts.SkipChecks = []string{Token, Permissions, Organization, Mailbox, EWS, PublicFolders}
	if report := Judge(facts); connected(report) != "null" {
		t.Errorf("nobody signed in, yet connected = %s", connected(report))
	}
}

func TestPublicFoldersAreCheckedOnlyWhereTheyAreMigrated(t *testing.T) {
	t.Parallel()
	facts := well()
	facts.Connection.MigratePublicFolders = false
	facts.PublicFoldersErr = errors.New("never asked")
	report := Judge(facts)
	if got := find(t, report, PublicFolders); got.Status != Skipped || got.Inconclusive || connected(report) != "true" {
		t.Errorf("connected = %s: %+v", connected(report), got)
	}
}

func TestTheSameFactsReadTheSameTomorrow(t *testing.T) {
	t.Parallel()
	soon := well()
	expires := today.AddDate(0, 0, 30)
	soon.Connection.ClientSecretExpiresAt = &expires
	for name, facts := range map[string]Facts{"well": well(), "a secret that expires soon": soon} {
		now := Judge(facts)
		facts.Now = today.Add(25 * time.Hour)
		if later := Judge(facts); !reflect.DeepEqual(now, later) {
			t.Errorf("%s: the report changed overnight:\n%+v\n%+v", name, now, later)
		}
	}
}

func TestGrantedRolesAreSortedAndNameTheirAPI(t *testing.T) {
	t.Parallel()
	facts := well()
	facts.Graph.Roles = []string{"User.Read.All", "Directory.Read.All", "User.Read.All"}
	want := []string{"Microsoft Graph/Directory.Read.All", "Microsoft Graph/User.Read.All",
		"Office 365 Exchange Online/full_access_as_app"}
	if got := facts.GrantedRoles(); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if got := new(Facts).GrantedRoles(); got == nil || len(got) != 0 {
		t.Errorf("without a token: %#v, want an empty list", got)
	}
}

func TestEverySignInCodeIsJudgedByItsMeaningAndRemedy(t *testing.T) {
	t.Parallel()
	for _, row := range auth.Reasons() {
		facts := well()
		refuse(&facts, row.Code)
		report := Judge(facts)
		got := find(t, report, Token)
		want, answer := Failed, "false"
		if row.Transient {
			want, answer = Skipped, "null"
		}
		if got.Status != want || connected(report) != answer {
			t.Errorf("%d: %s, connected %s", row.Code, got.Status, connected(report))
		}
		if !strings.Contains(got.Detail, fmt.Sprintf("AADSTS%d: %s", row.Code, row.Meaning)) ||
			!strings.Contains(got.Detail, row.CodeTwo) {
			t.Errorf("%d: the detail is %q", row.Code, got.Detail)
		}
		if got.Remedy != auth.Fill(row.ForApp(), tenantID, clientID) || strings.ContainsAny(got.Detail+got.Remedy, "{}") {
			t.Errorf("%d: the remedy is %q", row.Code, got.Remedy)
		}
		if strings.Count(got.Detail, "AADSTS") != 1 || strings.Contains(got.Remedy, "AADSTS") ||
			!strings.Contains(got.Support, "correlation ID c") {
			t.Errorf("%d: %+v", row.Code, got)
		}
	}
}

func TestASignInCodeOutsideOfTheTableIsWrittenOnceAndHasANextStep(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]Status{400: Failed, 503: Skipped} {
		facts := well()
		facts.Graph.Err = &auth.Error{Code: "AADSTS987654", Codes: []int{987654}, Status: status, CorrelationID: "c",
			Description: "AADSTS987654: Something new. Trace ID: t"}
		facts.Exchange.Err = facts.Graph.Err
		got := find(t, Judge(facts), Token)
		if got.Status != want || !strings.HasSuffix(got.Detail, "Entra refused with AADSTS987654: Something new.") ||
			strings.Count(got.Detail, "987654") != 1 {
			t.Errorf("HTTP %d: %+v", status, got)
		}
		for _, words := range []string{"https://login.microsoftonline.com/error?code=987654", "Sign-in logs", clientID,
			tenantID} {
			if !strings.Contains(got.Remedy, words) {
				t.Errorf("HTTP %d: the remedy lacks %q: %s", status, words, got.Remedy)
			}
		}
		if strings.Count(got.Remedy, "987654") != 1 {
			t.Errorf("HTTP %d: the remedy repeats the code: %s", status, got.Remedy)
		}
	}
}

func TestNamesOfStrangersCannotBeMistakenForText(t *testing.T) {
	t.Parallel()
	facts := well()
	facts.Organization.DisplayName = "Con\x1b[31mtoso\nconnected = true\u202e"
	facts.EWSErr = &ews.Error{Status: 403, PolicyReason: ewsDisabled}
	facts.Holders = &entra.RoleHolders{Read: true, Holders: []entra.ServicePrincipal{{ClientID: tenantID,
		DisplayName: "Backup\n\x1b[31m"}}}
	facts.User.Mail, facts.User.ProxyAddresses = "m\n@contoso.com", []string{"SMTP:m@contoso.com"}
	for _, check := range Judge(facts).Results {
		for _, text := range []string{check.Detail, check.Remedy, check.Script} {
			if strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, "\nconnected") ||
				strings.Contains(text, "m\n@") || strings.Contains(text, "Backup\n") {
				t.Errorf("%s: %q", check.Name, text)
			}
		}
	}
}

func TestAMailboxStaysOneWordInACommand(t *testing.T) {
	t.Parallel()
	facts := well()
	facts.Connection.Mailbox = "o'brien\u2019;rm@contoso.com"
	facts.PublicFolders = ews.Folder{Rights: &ews.Rights{}}
	if got := find(t, Judge(facts), PublicFolders).Remedy; !strings.Contains(got,
		"-User 'o''brien\u2019\u2019;rm@contoso.com' -AccessRights") {
		t.Errorf("the address broke out of its quotes: %s", got)
	}
}
