package appregistration

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/defaults"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/registration"
)

var today = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// configuration is one that sets nothing, as Terraform hands it over.
func configuration() *Model {
	return &Model{
		TenantID: types.StringNull(), DisplayName: types.StringNull(), UniqueName: types.StringNull(),
		PermissionProfile:     types.StringNull(),
		AdditionalPermissions: types.SetNull(requestedType.ElemType),
		Certificate:           types.ObjectNull(certificateType.AttrTypes),
	}
}

// withDefaults is the configuration with the schema's defaults, as the framework proposes it to ModifyPlan.
func withDefaults(t *testing.T, config *Model) *Model {
	t.Helper()
	var response resource.SchemaResponse
	(&Resource{}).Schema(t.Context(), resource.SchemaRequest{}, &response)
	plan := *config
	for name, value := range map[string]*types.String{
		"display_name": &plan.DisplayName, "permission_profile": &plan.PermissionProfile,
	} {
		attribute, ok := response.Schema.Attributes[name].(schema.StringAttribute)
		if ok && value.IsNull() {
			var proposed defaults.StringResponse
			attribute.Default.DefaultString(t.Context(), defaults.StringRequest{}, &proposed)
			*value = proposed.PlanValue
		}
	}
	for name, value := range map[string]*types.Bool{
		"grant_admin_consent": &plan.GrantAdminConsent, "allow_duplicate_name": &plan.AllowDuplicateName,
		"restore_deleted": &plan.RestoreDeleted, "purge_on_destroy": &plan.PurgeOnDestroy,
	} {
		attribute, ok := response.Schema.Attributes[name].(schema.BoolAttribute)
		if ok && value.IsNull() {
			var proposed defaults.BoolResponse
			attribute.Default.DefaultBool(t.Context(), defaults.BoolRequest{}, &proposed)
			*value = proposed.PlanValue
		}
	}
	return &plan
}

// planned computes a plan as ModifyPlan does. The diagnostics are the test's to judge.
func planned(t *testing.T, p planner) (Model, diag.Diagnostics) {
	t.Helper()
	var diags diag.Diagnostics
	p.diags, p.now, p.proposed = &diags, today, withDefaults(t, p.config)
	if p.tenant.IsNull() {
		p.tenant = types.StringValue("11111111-1111-4111-8111-111111111111")
	}
	return p.plan(t.Context()), diags
}

// existing is the state of an application that was made from the given configuration, with a certificate of its own.
func existing(t *testing.T, config *Model) *Model {
	t.Helper()
	state, diags := planned(t, planner{config: config})
	if diags.HasError() {
		t.Fatal(diags)
	}
	pair, err := certificate.Generate(rand.Reader, certificate.Template{CommonName: "CodeTwo", KeySize: 2048,
		NotBefore: today, NotAfter: today.AddDate(5, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	current := certificateOf(t, state)
	describe(current, pair.Certificate)
	state.Certificate = encode[types.Object](t.Context(), certificateType, current, &diags)
	state.ID, state.ObjectID, state.ClientID = types.StringValue("t/o"), types.StringValue("o"), types.StringValue("c")
	state.ServicePrincipalObjectID, state.AdminConsentURL = types.StringValue("s"), types.StringValue("u")
	return &state
}

func certificateOf(t *testing.T, m Model) *CertificateModel {
	t.Helper()
	var diags diag.Diagnostics
	c := decode[*CertificateModel](t.Context(), m.Certificate, &diags)
	if diags.HasError() || c == nil {
		t.Fatal("no certificate", diags)
	}
	return c
}

// changed returns the state with its certificate changed by edit.
func changed(t *testing.T, state *Model, edit func(*CertificateModel)) *Model {
	t.Helper()
	var diags diag.Diagnostics
	again := *state
	c := certificateOf(t, again)
	edit(c)
	again.Certificate = encode[types.Object](t.Context(), certificateType, c, &diags)
	return &again
}

func TestTargetAppRegistration_APlanThatChangesNothingIsTheStateItself(t *testing.T) {
	t.Parallel()
	state := existing(t, configuration())
	again, diags := planned(t, planner{config: configuration(), state: state})
	if len(diags) > 0 {
		t.Errorf("diagnostics: %v", diags)
	}
	if again.Certificate.String() != state.Certificate.String() ||
		again.Permissions.String() != state.Permissions.String() ||
		!again.UniqueName.Equal(state.UniqueName) || !again.ClientID.Equal(state.ClientID) ||
		!again.UnexpectedCredentials.Equal(state.UnexpectedCredentials) {
		t.Errorf("planned %+v\nstate %+v", again, *state)
	}
}

func TestTargetAppRegistration_TheClockAloneChangesNoPlan(t *testing.T) {
	t.Parallel()
	state := existing(t, configuration())
	var diags diag.Diagnostics
	p := planner{config: configuration(), proposed: withDefaults(t, configuration()), state: state,
		tenant: state.TenantID, diags: &diags, now: today.AddDate(20, 0, 0)}
	if later := p.plan(t.Context()); later.Certificate.String() != state.Certificate.String() {
		t.Errorf("twenty years later: %s", later.Certificate)
	}
}

func TestTargetAppRegistration_ARemovedAttributeReturnsToItsDefault(t *testing.T) {
	t.Parallel()
	before := configuration()
	before.PurgeOnDestroy, before.GrantAdminConsent = types.BoolValue(true), types.BoolValue(false)
	before.DisplayName, before.PermissionProfile = types.StringValue("Wave 2"), types.StringValue("create_mailboxes")
	plan, _ := planned(t, planner{config: configuration(), state: existing(t, before)})
	if plan.PurgeOnDestroy.ValueBool() || !plan.GrantAdminConsent.ValueBool() ||
		plan.DisplayName.ValueString() != defaultDisplayName || plan.PermissionProfile.ValueString() != "existing_mailboxes" {
		t.Errorf("%+v", plan)
	}
}

func TestTargetAppRegistration_ANewDisplayNameKeepsTheUniqueNameAndSoTheApplication(t *testing.T) {
	t.Parallel()
	state := existing(t, configuration())
	config := configuration()
	config.DisplayName = types.StringValue("Renamed")
	if plan, _ := planned(t, planner{config: config, state: state}); !plan.UniqueName.Equal(state.UniqueName) {
		t.Errorf("unique name %s, was %s", plan.UniqueName, state.UniqueName)
	}
}

func TestTargetAppRegistration_WhatRotatesACertificateAndWhatDoesNot(t *testing.T) {
	t.Parallel()
	state := existing(t, configuration())
	withSize := configuration()
	var diags diag.Diagnostics
	withSize.Certificate = encode[types.Object](t.Context(), certificateType, CertificateModel{
		KeySize: types.Int64Value(4096), Previous: types.ListNull(previousType.ElemType)}, &diags)
	thumbprint := certificateOf(t, *state).Thumbprint.ValueString()
	for name, c := range map[string]struct {
		config  *Model
		state   *Model
		rotates bool
	}{
		"nothing":                   {configuration(), state, false},
		"a renewal that is due":     {configuration(), changed(t, state, func(c *CertificateModel) { c.RenewalDue = types.BoolValue(true) }), true},
		"another key size":          {withSize, state, true},
		"taken off the application": {configuration(), changed(t, state, func(c *CertificateModel) { c.Thumbprint = types.StringNull() }), false},
		"a key elsewhere, left alone": {configuration(), changed(t, state, func(c *CertificateModel) {
			c.KeySource, c.RenewalDue = types.StringValue(registration.KeyExternal), types.BoolValue(true)
		}), false},
	} {
		plan, problems := planned(t, planner{config: c.config, state: c.state})
		if problems.HasError() {
			t.Errorf("%s: %v", name, problems)
		}
		after := certificateOf(t, plan)
		if after.Thumbprint.IsUnknown() != c.rotates {
			t.Errorf("%s: thumbprint %s, rotates %v expected", name, after.Thumbprint, c.rotates)
		}
		if !c.rotates && after.Thumbprint.ValueString() != thumbprint {
			t.Errorf("%s: thumbprint %s, want %s back", name, after.Thumbprint, thumbprint)
		}
	}
}

func TestTargetAppRegistration_AReplacedCertificateIsRemovedWhenTheRefreshFoundItDue(t *testing.T) {
	t.Parallel()
	var diags diag.Diagnostics
	over := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	state := changed(t, existing(t, configuration()), func(c *CertificateModel) {
		c.Previous = encode[types.List](t.Context(), previousType, previousModels([]registration.Previous{
			{Thumbprint: "OLD", KeyID: "key-1", RemoveAfter: over},
			{Thumbprint: "OLDER", KeyID: "key-2", RemoveAfter: over},
		}), &diags)
	})
	due, _ := json.Marshal([]string{"key-1"})
	plan, _ := planned(t, planner{config: configuration(), state: state, removalDue: due})
	left := decode[[]PreviousModel](t.Context(), certificateOf(t, plan).Previous, &diags)
	if len(left) != 1 || left[0].KeyID != "key-2" {
		t.Errorf("left %+v", left)
	}
}

func TestTargetAppRegistration_ACertificateFromElsewhereMayBeTheOneOfAPlannedRotation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		due     bool
		kind    string
		unknown bool
	}{
		"a certificate, and a rotation":    {true, "certificate", true},
		"a client secret, and a rotation":  {true, "client_secret", false},
		"a certificate, and nothing to do": {false, "certificate", false},
		"no credential, and a rotation":    {true, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var diags diag.Diagnostics
			state := changed(t, existing(t, configuration()),
				func(current *CertificateModel) { current.RenewalDue = types.BoolValue(c.due) })
			listed := []CredentialModel{}
			if c.kind != "" {
				listed = append(listed, CredentialModel{Kind: c.kind, KeyID: "key-1"})
			}
			state.UnexpectedCredentials = encode[types.List](t.Context(), credentialsType, listed, &diags)
			plan, problems := planned(t, planner{config: configuration(), state: state})
			if plan.UnexpectedCredentials.IsUnknown() != c.unknown || diags.HasError() || problems.HasError() {
				t.Errorf("planned is %s; %v %v", plan.UnexpectedCredentials, diags, problems)
			}
		})
	}
}

func TestTargetAppRegistration_APermissionThatIsNoLongerAskedForIsRevokedWithAWarningOrKept(t *testing.T) {
	t.Parallel()
	before := configuration()
	before.PermissionProfile = types.StringValue("create_mailboxes")
	for name, c := range map[string]struct {
		revoke   bool
		warnings int
		kept     int
	}{"revoking": {true, 1, 0}, "not revoking": {false, 0, 1}} {
		config := configuration()
		config.RevokeUnexpectedPermissions = types.BoolValue(c.revoke)
		plan, diags := planned(t, planner{config: config, state: existing(t, before)})
		if diags.WarningsCount() != c.warnings || len(plan.UnexpectedPermissions.Elements()) != c.kept {
			t.Errorf("%s: %d warnings, %d unexpected", name, diags.WarningsCount(), len(plan.UnexpectedPermissions.Elements()))
		}
		if c.warnings > 0 && !strings.Contains(diags.Warnings()[0].Detail(), "Directory.ReadWrite.All") {
			t.Errorf("%s: the warning does not name the permission: %s", name, diags.Warnings()[0].Detail())
		}
	}
}

func TestTargetAppRegistration_APermissionOutsideTheCatalogueIsWhatTheTenantSaysItIs(t *testing.T) {
	t.Parallel()
	api := "00000003-0000-0000-c000-000000000000"
	resources := map[string]entra.ResourceApplication{api: {ObjectID: "graph", AppID: api, Roles: []entra.AppRole{
		{ID: "id-1", Value: "Sites.Read.All", Enabled: true, Application: true},
		{ID: "id-2", Value: "Disabled.Role", Application: true},
		{ID: "id-3", Value: "Delegated.Only", Enabled: true},
		{ID: "id-4", Value: "Twice.Offered", Enabled: true, Application: true},
		{ID: "id-5", Value: "Twice.Offered", Enabled: true, Application: true},
	}}}
	for name, want := range map[string]string{
		"Sites.Read.All": "", "Sites.ReadAll": "Sites.Read.All", "Disabled.Role": "offers no", "Delegated.Only": "offers no",
		"Twice.Offered": "under 2 IDs",
	} {
		config := configuration()
		requested, problems := types.SetValueFrom(context.Background(), requestedType.ElemType,
			[]RequestedPermission{{API: types.StringValue("Microsoft Graph"), Name: types.StringValue(name)}})
		if problems.HasError() {
			t.Fatal(problems)
		}
		config.AdditionalPermissions = requested
		plan, diags := planned(t, planner{config: config, lookup: func(...string) (map[string]entra.ResourceApplication,
			error) {
			return resources, nil
		}})
		permissions := decode[map[string]PermissionModel](t.Context(), plan.Permissions, &diags)
		switch {
		case want == "" && diags.HasError():
			t.Errorf("%s: %v", name, diags)
		case want == "" && permissions["Microsoft Graph/"+name].ID != "id-1":
			t.Errorf("%s: %s", name, plan.Permissions)
		case want != "" && (!diags.HasError() || !strings.Contains(diags.Errors()[0].Detail(), want)):
			t.Errorf("%s: %v, want %q", name, diags, want)
		}
	}
}
