package connectivity

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

func newDataSource() *DataSource { return &DataSource{} }

var failOnError = map[string]tftypes.Value{"fail_on_error": tftypes.NewValue(tftypes.Bool, true)}

func TestTargetConnectivity_AConnectionThatWorksIsConnected(t *testing.T) {
	t.Parallel()
	s := withSecret(t, func(c *store.Connection) { c.MigratePublicFolders = true })
	got := read(t.Context(), t, newDataSource(), s, failOnError)
	if len(got.diagnostics) > 0 {
		t.Fatal(got.diagnostics)
	}
	if !got.model.Connected.ValueBool() || len(got.checks) != len(checks.Names()) {
		t.Errorf("connected = %s: %v", got.model.Connected, got.checks)
	}
	for _, check := range got.checks {
		if check.Status != "passed" && check.Name != checks.EWS {
			t.Errorf("%s: %s: %s", check.Name, check.Status, check.Detail)
		}
	}
	m := got.model
	if m.TenantDisplayName.ValueString() != "Contoso" || m.TenantDefaultDomain.ValueString() != "contoso.com" {
		t.Errorf("tenant %s, %s", m.TenantDisplayName, m.TenantDefaultDomain)
	}
	if m.SecretExpiresAt.ValueString() != "2027-11-23T09:00:00Z" || !m.CertificateNotAfter.IsNull() {
		t.Errorf("expiry %s, %s", m.SecretExpiresAt, m.CertificateNotAfter)
	}
	var roles []string
	m.GrantedRoles.ElementsAs(t.Context(), &roles, false)
	if want := []string{"Microsoft Graph/Directory.Read.All", "Office 365 Exchange " +
		"Online/full_access_as_app"}; !slices.Equal(roles, want) {
		t.Errorf("granted_roles %v", roles)
	}
}

func TestTargetConnectivity_ASecondReadIsTheSame(t *testing.T) {
	t.Parallel()
	s := withSecret(t, nil)
	first := read(t.Context(), t, newDataSource(), s, nil)
	s.now = today.AddDate(0, 0, 1)
	if second := read(t.Context(), t, newDataSource(), s, nil); !first.raw.Equal(second.raw) {
		t.Errorf("a day later, the state is another:\n%v\n%v", first.raw, second.raw)
	}
}

func TestTargetConnectivity_ACertificateSignsInWithTheKeyInTheStore(t *testing.T) {
	t.Parallel()
	pair, err := certificate.Generate(rand.Reader, certificate.Template{CommonName: "CodeTwo", KeySize: 2048,
		NotBefore: today.AddDate(0, 0, -1), NotAfter: today.AddDate(5, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	s := withSecret(t, func(c *store.Connection) {
		c.CredentialType, c.CertificateThumbprint, c.ClientSecretExpiresAt = "certificate",
			certificate.Thumbprint(pair.Certificate), nil
	})
	if err := s.store.SaveCertificate(t.Context(), tenantID, pair, certificate.AES256, time.Now()); err != nil {
		t.Fatal(err)
	}
	got := read(t.Context(), t, newDataSource(), s, failOnError)
	if len(got.diagnostics) > 0 || !got.model.Connected.ValueBool() ||
		got.model.CertificateNotAfter.ValueString() != "2031-11-23T09:00:00Z" {
		t.Errorf("connected = %s, not after %s: %v", got.model.Connected, got.model.CertificateNotAfter, got.diagnostics)
	}
}

func TestTargetConnectivity_WithAKeyElsewhereTheTenantIsStillChecked(t *testing.T) {
	t.Parallel()
	end := today.AddDate(5, 0, 0)
	s := withSecret(t, func(c *store.Connection) {
		c.CredentialType, c.CertificateThumbprint = "certificate", "0123456789ABCDEF0123456789ABCDEF01234567"
		c.CertificateNotAfter, c.ClientSecretExpiresAt = &end, nil
	})
	got := read(t.Context(), t, newDataSource(), s, failOnError)
	if got.diagnostics.HasError() || got.diagnostics.WarningsCount() != 1 {
		t.Errorf("want one warning: %v", got.diagnostics)
	}
	if !got.model.Connected.IsNull() || got.checks[checks.Tenant].Status != "passed" ||
		got.checks[checks.Credential].Status != "skipped" {
		t.Errorf("connected = %s: %v", got.model.Connected, got.checks)
	}
	if s.cloud.asked("/token") != 0 {
		t.Error("somebody signed in without a key")
	}
	if got.model.CertificateNotAfter.ValueString() != "2031-11-23T09:00:00Z" {
		t.Errorf("certificate_not_after %s", got.model.CertificateNotAfter)
	}
}

func TestTargetConnectivity_AFailureIsAWarningUnlessAnErrorIsAskedFor(t *testing.T) {
	t.Parallel()
	s := withSecret(t, nil)
	s.cloud.policy = "EWS is blocked by policy for this user or tenant"
	got := read(t.Context(), t, newDataSource(), s, nil)
	if got.diagnostics.HasError() || got.diagnostics.WarningsCount() != 1 || got.model.Connected.IsNull() ||
		got.model.Connected.ValueBool() {
		t.Errorf("connected = %s: %v", got.model.Connected, got.diagnostics)
	}
	if remedy := got.checks[checks.EWS].Remedy; !strings.Contains(remedy, clientID) ||
		!strings.Contains(remedy, "Set-OrganizationConfig") {
		t.Errorf("the remedy has no script: %s", remedy)
	}
	text := got.diagnostics[0].Detail()
	for _, words := range []string{"ews             failed", "permissions     passed",
		"\n  Get-OrganizationConfig -Retrieve", "hand-off sheet (handoff_url)"} {
		if !strings.Contains(text, words) {
			t.Errorf("the warning lacks %q:\n%s", words, text)
		}
	}
	if strings.Contains(text, "Set-OrganizationConfig") {
		t.Errorf("the script fills the warning:\n%s", text)
	}
	got = read(t.Context(), t, newDataSource(), s, failOnError)
	if got.diagnostics.ErrorsCount() != 1 || !strings.Contains(got.diagnostics[0].Summary(), id) {
		t.Errorf("want one error that names %s: %v", id, got.diagnostics)
	}
	if !got.raw.IsNull() {
		t.Error("a failed read left a state")
	}
}

func TestTargetConnectivity_ARefusedEWSNamesTheOtherAppsOnceAndOnlyWhereTheyCanBeRead(t *testing.T) {
	t.Parallel()
	const backup = "99999999-7777-8888-9999-aaaaaaaaaaaa"
	for name, c := range map[string]struct {
		policy string
		roles  []string
		asked  int
	}{
		"refused": {"EWS is disabled for this user or tenant", []string{"Directory.Read.All"}, 1},
		"refused, and the app reads more": {"EWS is blocked by policy for this user or tenant",
			[]string{"Directory.ReadWrite.All"}, 1},
		"refused, and it may read no apps": {"EWS is disabled for this user or tenant",
			[]string{"Organization.Read.All", "User.Read.All"}, 0},
		"open": {"", []string{"Directory.Read.All"}, 0},
	} {
		s := withSecret(t, nil)
		s.cloud.policy, s.cloud.roles["https://graph.microsoft.com"] = c.policy, c.roles
		got := read(t.Context(), t, newDataSource(), s, nil)
		if asked := s.cloud.asked("role holders"); asked != c.asked {
			t.Errorf("%s: asked %d times, want %d", name, asked, c.asked)
		}
		remedy := got.checks[checks.EWS].Remedy
		if strings.Contains(remedy, "Mail\ufffd Backup ("+backup+")") != (c.asked > 0) {
			t.Errorf("%s: the remedy says of the others: %s", name, remedy)
		}
		if c.policy != "" && !strings.Contains(remedy, "$initialDomain = 'contoso.onmicrosoft.com'") && c.asked > 0 {
			t.Errorf("%s: the script does not know the organization: %s", name, remedy)
		}
	}
}

func TestTargetConnectivity_ARefusedSignInAsksNothingFurther(t *testing.T) {
	t.Parallel()
	s := withSecret(t, nil)
	s.cloud.refusal = `{"error":"unauthorized_client","error_description":"AADSTS700016: Application not found.",` +
		`"error_codes":[700016],"correlation_id":"c","trace_id":"t"}`
	got := read(t.Context(), t, newDataSource(), s, nil)
	if check := got.checks[checks.Token]; check.Status != "failed" || !strings.Contains(check.Detail, "AADSTS700016") {
		t.Errorf("token: %v", check)
	}
	for _, words := range []string{"organization", "user", "/EWS"} {
		if s.cloud.asked(words) != 0 {
			t.Errorf("%s was asked without a token", words)
		}
	}
}

func TestTargetConnectivity_AConnectionThatIsNotInTheStoreAsksNobody(t *testing.T) {
	t.Parallel()
	s := withSecret(t, func(c *store.Connection) { c.Mailbox = "another@contoso.com" })
	got := read(t.Context(), t, newDataSource(), s, nil)
	if got.checks[checks.Record].Status != "failed" || got.model.Connected.IsNull() || len(s.cloud.requests) != 0 {
		t.Errorf("connected = %s, %v, asked %v", got.model.Connected, got.checks[checks.Record], s.cloud.requests)
	}
}

func TestTargetConnectivity_NoSecretIsShown(t *testing.T) {
	t.Parallel()
	s := withSecret(t, nil)
	s.cloud.refusal = `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.",` +
		`"error_codes":[7000215]}`
	refused := read(t.Context(), t, newDataSource(), s, nil)
	s.cloud.refusal = ""
	worked := read(t.Context(), t, newDataSource(), s, nil)
	for _, hidden := range []string{clientSecret, passphrase, "e30."} {
		if strings.Contains(refused.text()+worked.text(), hidden) {
			t.Errorf("%q is shown", hidden)
		}
	}
}

func TestTargetConnectivity_ASkippedCheckIsNotMade(t *testing.T) {
	t.Parallel()
	s := withSecret(t, nil)
	s.cloud.policy = "EWS is disabled for this user or tenant"
	skip := tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, []tftypes.Value{tftypes.NewValue(tftypes.String,
		checks.EWS)})
	got := read(t.Context(), t, newDataSource(), s, map[string]tftypes.Value{"skip_checks": skip})
	if !got.model.Connected.ValueBool() || len(got.diagnostics) > 0 || s.cloud.asked("/EWS") != 0 {
		t.Errorf("connected = %s: %v", got.model.Connected, got.diagnostics)
	}
}

func TestTargetConnectivity_QuestionsThatDoNotDependOnEachOtherAreAskedAtOnce(t *testing.T) {
	t.Parallel()
	s := withSecret(t, nil)
	s.cloud.meet = &meeting{complete: make(chan struct{})}
	s.cloud.meet.expected.Store(3) // organization, user and mailbox: each is answered when all have been asked
	if got := read(t.Context(), t, newDataSource(), s, timeout(30*time.Second)); !got.model.Connected.ValueBool() {
		t.Errorf("connected = %s: %v", got.model.Connected, got.diagnostics)
	}
}

// young makes a record that was written a minute ago.
func young(c *store.Connection) {
	written := today.Add(-time.Minute)
	c.WrittenAt = &written
}

func TestTargetConnectivity_EachAttemptSignsInAnewUntilTheTokensHoldTheRoles(t *testing.T) {
	t.Parallel()
	s := withSecret(t, young)
	granted := s.cloud.roles
	s.cloud.roles = map[string]any{}
	s.wait = func(context.Context, time.Duration) error {
		s.cloud.roles = granted
		return nil
	}
	got := read(t.Context(), t, newDataSource(), s, nil)
	if !got.model.Connected.ValueBool() || s.cloud.asked("/token") != 4 {
		t.Errorf("connected = %s after %v: %v", got.model.Connected, s.cloud.requests, got.diagnostics)
	}
}

func TestTargetConnectivity_PausesGrowAndEndWithTheTimeAllowed(t *testing.T) {
	t.Parallel()
	s := withSecret(t, young)
	s.cloud.refusal = `{"error":"unauthorized_client","error_description":"AADSTS700016: Application not found.",` +
		`"error_codes":[700016]}`
	var pauses []time.Duration
	var total time.Duration
	s.wait = func(_ context.Context, d time.Duration) error {
		pauses, total = append(pauses, d), total+d
		return nil
	}
	allowed := 2 * time.Minute
	got := read(t.Context(), t, newDataSource(), s, timeout(allowed))
	if check := got.checks[checks.Token]; check.Status != "failed" || !strings.Contains(check.Detail, "AADSTS700016") {
		t.Errorf("after the waiting, the token is told as %v", check)
	}
	if len(pauses) < 4 || pauses[0] != 5*time.Second || !slices.IsSorted(pauses) ||
		pauses[len(pauses)-1] > 30*time.Second || total > allowed {
		t.Errorf("the pauses were %v, together %s of %s", pauses, total, allowed)
	}
	if tokens := s.cloud.asked("/token"); tokens != 2*(len(pauses)+1) {
		t.Errorf("%d requests for tokens with %d pauses", tokens, len(pauses))
	}
}

func timeout(d time.Duration) map[string]tftypes.Value {
	return map[string]tftypes.Value{"timeouts": tftypes.NewValue(
		tftypes.Object{AttributeTypes: map[string]tftypes.Type{"read": tftypes.String}},
		map[string]tftypes.Value{"read": tftypes.NewValue(tftypes.String, d.String())})}
}

func TestTargetConnectivity_AnInterruptedCheckIsNoResultAndSaysWhatWasKnown(t *testing.T) {
	t.Parallel()
	s := withSecret(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	s.cloud.waitForCancel = cancel
	got := read(ctx, t, newDataSource(), s, nil)
	if !got.diagnostics.HasError() || !strings.Contains(got.diagnostics[0].Summary(), "interrupted") || !got.raw.IsNull() {
		t.Fatalf("%v", got.diagnostics)
	}
	for _, words := range []string{"token           passed", "ews             skipped", "the run was interrupted"} {
		if !strings.Contains(got.diagnostics[0].Detail(), words) {
			t.Errorf("the error lacks %q:\n%s", words, got.diagnostics[0].Detail())
		}
	}
}

func TestTargetConnectivity_AnInterruptedPauseSaysWhatWasKnown(t *testing.T) {
	t.Parallel()
	s := withSecret(t, young)
	s.cloud.refusal = `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.",` +
		`"error_codes":[7000215]}`
	ctx, cancel := context.WithCancel(t.Context())
	s.wait = func(ctx context.Context, _ time.Duration) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}
	got := read(ctx, t, newDataSource(), s, nil)
	if !got.diagnostics.HasError() || !strings.Contains(got.diagnostics[0].Detail(), "AADSTS7000215") ||
		s.cloud.asked("/token") != 2 {
		t.Errorf("%v after %v", got.diagnostics, s.cloud.requests)
	}
}

func TestTargetConnectivity_WhatTheProviderDoesNotKnowYetIsNamed(t *testing.T) {
	t.Parallel()
	unknown := &services{cloud: newCloud(t), unknown: []string{"endpoints.login"}, now: today}
	got := read(t.Context(), t, newDataSource(), unknown, nil)
	if !got.diagnostics.HasError() || !strings.Contains(got.diagnostics[0].Detail(),
		"provider's endpoints.login, connection_store is not known") {
		t.Errorf("%v", got.diagnostics)
	}
	if unknown.cloud.asked("") != 0 {
		t.Errorf("somebody was asked: %v", unknown.cloud.requests)
	}
	known := withSecret(t, nil)
	known.unknown = []string{"ca_certificate_path"}
	if got := read(t.Context(), t, newDataSource(), known, nil); !strings.Contains(got.diagnostics[0].Detail(),
		"provider's ca_certificate_path is not known") {
		t.Errorf("%v", got.diagnostics)
	}
}

func TestTargetConnectivity_AWarningWithoutARemedyRaisesNoAlarm(t *testing.T) {
	t.Parallel()
	soon := today.AddDate(0, 0, 30)
	s := withSecret(t, func(c *store.Connection) { c.ClientSecretExpiresAt = &soon })
	got := read(t.Context(), t, newDataSource(), s, failOnError)
	if got.diagnostics.WarningsCount() != 1 || got.diagnostics.HasError() || !got.model.Connected.ValueBool() {
		t.Fatalf("connected = %s: %v", got.model.Connected, got.diagnostics)
	}
	if text := got.diagnostics[0].Detail(); !strings.Contains(text, "2026-12-23") || strings.Contains(text, "2027-04-01") {
		t.Errorf("the secret's end is to be acted on, the end of EWS is not: %s", text)
	}
}

func TestTargetConnectivity_OnlyAConnectionsIDIsAccepted(t *testing.T) {
	t.Parallel()
	for value, good := range map[string]bool{
		id: true, strings.ToUpper(id): true,
		tenantID: false, "": false, tenantID + "/": false, tenantID + "/contoso.com": false, "contoso.com/" + address: false,
		tenantID + "/a@b@c": false, tenantID + "/" + tenantID + "/" + address: false, tenantID + "/@contoso.com": false,
	} {
		var response validator.StringResponse
		connectionID{}.ValidateString(t.Context(), validator.StringRequest{Path: path.Root("connection_id"),
			ConfigValue: types.StringValue(value)}, &response)
		if response.Diagnostics.HasError() == good {
			t.Errorf("%q: %v", value, response.Diagnostics)
		}
	}
	for _, waiting := range []types.String{types.StringNull(), types.StringUnknown()} {
		var response validator.StringResponse
		connectionID{}.ValidateString(t.Context(), validator.StringRequest{ConfigValue: waiting}, &response)
		if response.Diagnostics.HasError() {
			t.Errorf("%s: %v", waiting, response.Diagnostics)
		}
	}
}

func TestTargetConnectivity_TheSchemaHoldsWhatIsPromised(t *testing.T) {
	t.Parallel()
	var response datasource.SchemaResponse
	newDataSource().Schema(t.Context(), datasource.SchemaRequest{}, &response)
	if problems := response.Schema.ValidateImplementation(t.Context()); problems.HasError() {
		t.Error(problems)
	}
	want := []string{"certificate_not_after", "checks", "connected", "connection_id", "fail_on_error", "granted_roles",
		"revision", "secret_expires_at", "skip_checks", "tenant_default_domain", "tenant_display_name", "timeouts"}
	if got := slices.Sorted(maps.Keys(response.Schema.Attributes)); !slices.Equal(got, want) {
		t.Errorf("attributes %v", got)
	}
}
