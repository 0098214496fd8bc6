package appregistration

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
)

// fill completes a plan with what only the tenant could tell. What was planned stays as planned.
func (j *job) fill(ctx context.Context, registration *entra.Registration) {
	m, application := j.model, registration.Application
	set := func(attribute *types.String, value string) {
		if attribute.IsUnknown() {
			*attribute = types.StringValue(value)
		}
	}
	set(&m.ObjectID, application.ObjectID)
	set(&m.ClientID, application.ClientID)
	set(&m.ID, m.TenantID.ValueString()+"/"+application.ObjectID)
	set(&m.AdminConsentURL, j.consentURL(application.ClientID))
	if registration.ServicePrincipal != nil {
		set(&m.ServicePrincipalObjectID, registration.ServicePrincipal.ObjectID)
	} else if m.ServicePrincipalObjectID.IsUnknown() {
		m.ServicePrincipalObjectID = types.StringNull()
	}
	planned := m.certificate(ctx, j.diags)
	if planned == nil || j.made == nil {
		return
	}
	describe(planned, j.made)
	if planned.Previous.IsUnknown() {
		planned.Previous = previousList(ctx, j.previous, j.diags)
	}
	m.setCertificate(ctx, *planned, j.diags)
}

// consentURL is where an administrator consents to the application's permissions by hand.
func (j *job) consentURL(clientID string) string {
	return j.services.Endpoints().Login + "/" + j.model.TenantID.ValueString() + "/adminconsent?client_id=" + clientID
}

// observe writes what the tenant shows into the model, so that the next plan tells what differs. It returns the key
// IDs, as JSON, of replaced certificates whose time has come.
func (j *job) observe(ctx context.Context, registration *entra.Registration) (removalDue []byte) {
	m, application := j.model, registration.Application
	if !known(m.ID) || !strings.HasSuffix(m.ID.ValueString(), "/"+application.ObjectID) { // just imported, by client ID perhaps
		m.ID = types.StringValue(m.TenantID.ValueString() + "/" + application.ObjectID)
	}
	m.DisplayName, m.SignInAudience = types.StringValue(application.DisplayName), types.StringValue(application.SignInAudience)
	m.ServicePrincipalEnabled, m.ServicePrincipalObjectID = types.BoolValue(false), types.StringNull()
	if principal := registration.ServicePrincipal; principal != nil {
		m.ServicePrincipalEnabled = types.BoolValue(principal.Enabled)
		m.ServicePrincipalObjectID = types.StringValue(principal.ObjectID)
	}
	j.observePermissions(ctx, registration)
	current := j.observeCertificate(ctx, application)
	previous := current.previous(ctx, j.diags)
	j.observeCredentials(ctx, registration, current, previous)

	due := []string{}
	for _, entry := range previous {
		removeAfter, err := time.Parse(time.RFC3339, entry.RemoveAfter.ValueString())
		at := keyWith(application, entry.Thumbprint.ValueString())
		expired := at >= 0 && application.Keys[at].NotAfter.Before(j.services.Now())
		if expired || err == nil && !removeAfter.After(j.services.Now()) {
			due = append(due, entry.KeyID.ValueString())
		}
	}
	removalDue, _ = json.Marshal(due) // strings only
	return removalDue
}

// observePermissions tells what was asked for, and is declared and granted, from what was not asked for.
func (j *job) observePermissions(ctx context.Context, registration *entra.Registration) {
	asked := readPermissions(ctx, j.model.Permissions, j.diags)
	declared, consented := rolesOf(registration)
	expected := map[entra.RoleRef]bool{}
	for key, entry := range asked {
		role := entry.roleRef()
		expected[role] = true
		if listed, known := permission.FindByID(role.ResourceAppID, role.RoleID); known {
			entry = permissionModel(listed, entry.Declared, entry.Consented)
		}
		entry.Declared, entry.Consented = types.BoolValue(declared[role]), types.BoolValue(consented[role])
		asked[key] = entry
	}
	j.model.Permissions = permissionMap(ctx, asked, j.diags)

	j.model.UnexpectedPermissions = permissionMap(ctx, rolesBeside(ctx, j.directory, registration, expected), j.diags)
}

// describeRole names a role that nobody asked for: from the catalogue, else from the tenant's own service principal.
func describeRole(ctx context.Context, directory entra.Directory, role entra.RoleRef) permission.Permission {
	if listed, known := permission.FindByID(role.ResourceAppID, role.RoleID); known {
		return listed
	}
	api, err := permission.FindAPI(role.ResourceAppID)
	if err != nil {
		api = permission.API{Name: role.ResourceAppID, AppID: role.ResourceAppID}
	}
	name := role.RoleID
	if resources, err := directory.ResourceApplications(ctx, role.ResourceAppID); err == nil {
		for _, offered := range resources[role.ResourceAppID].Roles {
			if offered.ID == role.RoleID && offered.Value != "" {
				name = offered.Value
			}
		}
	}
	return permission.Outside(api, name, role.RoleID)
}

// rolesOf returns what an application declares, and what it has been granted.
func rolesOf(registration *entra.Registration) (declared, consented map[entra.RoleRef]bool) {
	declared, consented = map[entra.RoleRef]bool{}, map[entra.RoleRef]bool{}
	for _, role := range registration.Application.Declared {
		declared[role] = true
	}
	for _, grant := range registration.Grants {
		consented[entra.RoleRef{ResourceAppID: grant.ResourceAppID, RoleID: grant.RoleID}] = true
	}
	return declared, consented
}

// rolesBeside describes the declared and granted roles that are not among the expected ones, by "<api>/<name>". An API
// can offer one name under two IDs; both are shown then, each with its ID.
func rolesBeside(ctx context.Context, directory entra.Directory, registration *entra.Registration, expected map[entra.RoleRef]bool) map[string]PermissionModel {
	declared, consented := rolesOf(registration)
	named := map[string][]entra.RoleRef{}
	entries := map[entra.RoleRef]permission.Permission{}
	for _, roles := range []map[entra.RoleRef]bool{declared, consented} {
		for role := range roles {
			if _, seen := entries[role]; !seen && !expected[role] {
				entries[role] = describeRole(ctx, directory, role)
				named[entries[role].Key()] = append(named[entries[role].Key()], role)
			}
		}
	}
	beside := map[string]PermissionModel{}
	for name, roles := range named {
		for _, role := range roles {
			key := name
			if len(roles) > 1 {
				key += " (" + role.RoleID + ")"
			}
			beside[key] = permissionModel(entries[role], types.BoolValue(declared[role]), types.BoolValue(consented[role]))
		}
	}
	return beside
}

// observeCertificate finds the registration's certificate on the application, and tells whether a new one is due.
func (j *job) observeCertificate(ctx context.Context, application *entra.Application) *CertificateModel {
	current := j.model.certificate(ctx, j.diags)
	if current == nil {
		return &CertificateModel{Previous: previousList(ctx, nil, j.diags)}
	}
	switch {
	case current.KeySource.ValueString() == keyExternal:
		observeExternal(current, application)
	default:
		current.Thumbprint = types.StringNull()
		if ours, err := certificate.ParsePEM(current.PEM.ValueString()); err == nil && keyWith(application, certificate.Thumbprint(ours)) >= 0 {
			describe(current, ours)
		}
	}
	notAfter, err := time.Parse(time.RFC3339, current.NotAfter.ValueString())
	due := err == nil && isDue(notAfter, current.RenewBeforeDays, j.services.Now())
	if current.KeySource.ValueString() == keyGenerated && !due && j.store != nil {
		ours, err := certificate.ParsePEM(current.PEM.ValueString())
		if err == nil {
			sound, err := j.store.SoundKeyPair(ctx, j.model.TenantID.ValueString(), certificate.Thumbprint(ours))
			due = err == nil && !sound
		}
	}
	current.RenewalDue = types.BoolValue(due)
	gone := func(entry PreviousModel) bool { return keyWith(application, entry.Thumbprint.ValueString()) < 0 }
	current.Previous = previousList(ctx, slices.DeleteFunc(current.previous(ctx, j.diags), gone), j.diags)
	j.model.setCertificate(ctx, *current, j.diags)
	return current
}

// observeExternal describes the certificate whose key is elsewhere: of several, the one that expires last.
func observeExternal(current *CertificateModel, application *entra.Application) {
	current.Thumbprint, current.PEM = types.StringNull(), types.StringNull()
	current.NotBefore, current.NotAfter = types.StringNull(), types.StringNull()
	var last *entra.KeyCredential
	for i := range application.Keys {
		if last == nil || application.Keys[i].NotAfter.After(last.NotAfter) {
			last = &application.Keys[i]
		}
	}
	if last != nil {
		current.Thumbprint = types.StringValue(last.Thumbprint())
		current.NotBefore = types.StringValue(last.NotBefore.UTC().Format(time.RFC3339))
		current.NotAfter = types.StringValue(last.NotAfter.UTC().Format(time.RFC3339))
	}
}

// observeCredentials lists whoever else can sign in as the application.
func (j *job) observeCredentials(ctx context.Context, registration *entra.Registration, current *CertificateModel, previous []PreviousModel) {
	ours := []string{current.Thumbprint.ValueString()}
	for _, entry := range previous {
		ours = append(ours, entry.Thumbprint.ValueString())
	}
	j.model.UnexpectedCredentials = credentialList(ctx, credentialsBeside(registration, ours), j.diags)
}

// credentialsBeside lists the credentials of an application, in a fixed order, without the certificates named.
func credentialsBeside(registration *entra.Registration, thumbprints []string) []CredentialModel {
	credentials := []CredentialModel{}
	add := func(kind, id, name, expiry string) {
		credentials = append(credentials, CredentialModel{
			Kind: types.StringValue(kind), KeyID: types.StringValue(id), Name: types.StringValue(name), Expiry: types.StringValue(expiry),
		})
	}
	for _, password := range registration.Application.Passwords {
		add("client_secret", password.KeyID, password.DisplayName, password.NotAfter.UTC().Format(time.RFC3339))
	}
	for _, key := range registration.Application.Keys {
		if thumbprint := key.Thumbprint(); thumbprint == "" || !slices.Contains(thumbprints, thumbprint) {
			add("certificate", key.KeyID, key.DisplayName, key.NotAfter.UTC().Format(time.RFC3339))
		}
	}
	for _, federated := range registration.Federated {
		add("federated_credential", federated.ID, federated.Name+" (issuer "+federated.Issuer+", subject "+federated.Subject+")", "")
	}
	slices.SortFunc(credentials, func(a, b CredentialModel) int {
		return slices.Compare([]string{a.Kind.ValueString(), a.KeyID.ValueString()}, []string{b.Kind.ValueString(), b.KeyID.ValueString()})
	})
	return credentials
}

// adopt fills the model of an imported application, whose state holds nothing yet: the profile is inferred from what
// it holds, its certificate's key is elsewhere, and nothing is to be revoked.
func (j *job) adopt(ctx context.Context, registration *entra.Registration) {
	m, application := j.model, registration.Application
	m.ObjectID, m.ClientID = types.StringValue(application.ObjectID), types.StringValue(application.ClientID)
	m.UniqueName = types.StringNull()
	if application.UniqueName != "" {
		m.UniqueName = types.StringValue(application.UniqueName)
	}
	m.AdminConsentURL = types.StringValue(j.consentURL(application.ClientID))
	m.RevokeUnexpectedPermissions = types.BoolValue(false)
	m.AllowDuplicateName, m.RestoreDeleted, m.PurgeOnDestroy = types.BoolValue(false), types.BoolValue(false), types.BoolValue(false)

	// A name that the API offers under two IDs cannot be asked for, so it is left among the unexpected permissions.
	var held []permission.Permission
	times := map[string]int{}
	consented := len(application.Declared) > 0
	for _, role := range application.Declared {
		entry := describeRole(ctx, j.directory, role)
		held = append(held, entry)
		times[entry.Key()]++
		consented = consented && granted(registration.Grants, role)
	}
	held = slices.DeleteFunc(held, func(entry permission.Permission) bool { return times[entry.Key()] > 1 })
	m.GrantAdminConsent = types.BoolValue(consented)
	profile, additional := permission.InferProfile(held)
	m.PermissionProfile = types.StringValue(string(profile))
	m.AdditionalPermissions = types.SetNull(requestedType)
	if len(additional) > 0 {
		var requested []RequestedPermission
		for _, entry := range additional {
			requested = append(requested, RequestedPermission{API: types.StringValue(entry.API.Name), Name: types.StringValue(entry.Name)})
		}
		set, problems := types.SetValueFrom(ctx, requestedType, requested)
		j.diags.Append(problems...)
		m.AdditionalPermissions = set
	}
	permissions := map[string]PermissionModel{}
	for _, entry := range held {
		permissions[entry.Key()] = permissionModel(entry, types.BoolValue(true), types.BoolValue(false))
	}
	m.Permissions = permissionMap(ctx, permissions, j.diags)
	m.setCertificate(ctx, CertificateModel{
		ValidityYears: types.Int64Value(5), KeySize: types.Int64Value(2048), RenewBeforeDays: types.Int64Value(60),
		PreviousCertificateDays: types.Int64Value(30), TakeOver: types.BoolValue(false), KeySource: types.StringValue(keyExternal),
		Previous: previousList(ctx, nil, j.diags),
	}, j.diags)
}
