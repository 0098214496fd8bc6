package appregistration

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/registration"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

// Private state, which no plan shows.
const (
	// importedKey is left by an import: such an application was not made here.
	importedKey = "imported"
	// cutOffKey is left by a refresh that found the rest of a destroy which was cut off.
	cutOffKey = "destroy_cut_off"
	// refusedKey is left by a refresh that the tenant refused, and that skip_refused_tenants let pass.
	refusedKey = "refused"
	// removalDueKey lists, as JSON, the key IDs of replaced certificates whose time had come at the last refresh.
	removalDueKey = "removal_due"
)

// ModifyPlan computes the whole plan from the configuration and the state, so that a removed attribute returns to its
// default, and permissions are known before anything exists. It never looks at the clock: Terraform plans once more
// during apply, and has to come to the same result. What is due by time was decided by the refresh.
// Requests: none, unless a permission is not in the catalogue (Application.Read.All), or a new tenant is asked whether
// it accepts the caller.
func (r *Resource) ModifyPlan(ctx context.Context, request resource.ModifyPlanRequest,
	response *resource.ModifyPlanResponse) {
	if r.services == nil {
		return
	}
	diags := &response.Diagnostics
	var state *Model
	diags.Append(request.State.Get(ctx, &state)...)
	remembered := tfvalidate.Recall(ctx, request.Private, diags)
	if request.Plan.Raw.IsNull() {
		if !diags.HasError() {
			r.warnOfLoss(ctx, state, remembered, "The app registration will be deleted", diags)
		}
		return
	}
	var config, proposed Model
	diags.Append(request.Config.Get(ctx, &config)...)
	diags.Append(request.Plan.Get(ctx, &proposed)...)
	private := map[string][]byte{}
	for _, key := range []string{importedKey, removalDueKey, cutOffKey, refusedKey} {
		value, problems := request.Private.GetKey(ctx, key)
		private[key] = value
		diags.Append(problems...)
	}
	refused := private[refusedKey] != nil
	if diags.HasError() {
		return
	}
	journalURL, unwritable := r.planStore(ctx, remembered, diags)
	if state != nil && private[cutOffKey] != nil { // the rest is destroyed first, and then everything is created again
		state = nil
		response.RequiresReplace.Append(path.Root("id"))
	}
	p := planner{
		config: &config, proposed: &proposed, state: state, imported: private[importedKey] != nil,
		removalDue: private[removalDueKey], now: r.services.Now(), tenant: r.services.TenantID(),
		lookup: r.lookupAPIs(ctx, &config), storeLocked: store.IsLocked(unwritable),
		journalURL: journalURL, diags: diags,
	}
	if refused && request.State.Raw.IsNull() {
		refuseReplacement(&proposed, diags)
		return
	}
	if refused && p.canKeepLastSeen() {
		plan := p.planLastSeen(ctx)
		warnOfRefusal(diags, state, "is planned", "The tenant refused Terraform at the last refresh; the warning "+
			"of that refresh gives Entra's reason. Plan again once the tenant accepts the identity.")
		diags.Append(response.Plan.Set(ctx, &plan)...)
		return
	}
	plan := p.plan(ctx)
	if diags.HasError() {
		return
	}
	if request.State.Raw.IsNull() {
		r.askNewTenant(ctx, &plan, diags)
		r.refuseSecond(ctx, &plan, diags)
	} else if state != nil {
		if !strings.EqualFold(plan.TenantID.ValueString(), state.TenantID.ValueString()) || plan.TenantID.IsUnknown() {
			response.RequiresReplace.Append(path.Root("tenant_id"))
		}
		if !plan.UniqueName.Equal(state.UniqueName) {
			response.RequiresReplace.Append(path.Root("unique_name"))
		}
		if len(response.RequiresReplace) > 0 {
			r.warnOfLoss(ctx, state, remembered, "The app registration will be replaced", diags)
		}
	}
	diags.Append(response.Plan.Set(ctx, &plan)...)
	if unwritable != nil && !response.Plan.Raw.Equal(request.State.Raw) {
		diags.AddError("The connection store cannot be written", fmt.Sprintf("The registration's journal and its "+
			"certificate's key are kept in the connection store: %v.", unwritable))
	}
}

// planStore returns where journals are, and what keeps them from being written; nil for both while the store is not
// known. A missing store is an error of the plan, before anything was created.
func (r *Resource) planStore(
	ctx context.Context, remembered tfvalidate.Remembered, diags *diag.Diagnostics,
) (journalURL func(tenantID, uniqueName string) string, unwritable error) {
	if r.services.StoreUnknown() {
		return nil, nil
	}
	records := r.openStore(diags)
	if records == nil {
		return nil, nil
	}
	records.Expect(remembered.Identity)
	return records.JournalURL, records.CanWrite(ctx)
}

// refuseSecond refuses to plan a registration that the store's journal knows as complete, and that the tenant still
// has. It is being replaced by itself, where its own name in the recycle bin would stop the second half, or its state
// was lost. Requests: one, and only where there is such a journal.
func (r *Resource) refuseSecond(ctx context.Context, plan *Model, diags *diag.Diagnostics) {
	if len(r.services.Unknown()) > 0 || r.services.StoreUnknown() || plan.TenantID.IsUnknown() ||
		plan.UniqueName.IsUnknown() || plan.RestoreDeleted.ValueBool() || plan.PurgeOnDestroy.ValueBool() {
		return
	}
	var ignored diag.Diagnostics // ModifyPlan reports a missing store
	manager := r.manager(plan, tfvalidate.Remembered{}, &ignored)
	if manager == nil {
		return
	}
	journal, ok := manager.Completed(ctx, plan.UniqueName.ValueString())
	if !ok { // nothing is known, or an interrupted create is to be completed: create looks again, and says what is wrong
		return
	}
	diags.AddAttributeError(path.Root("unique_name"), "The registration exists already", fmt.Sprintf(
		"The registration %s in tenant %s already exists (client ID %s).\n\nTo replace it and keep its client ID, which "+
			"Exchange's allow list names, set restore_deleted = true; it gets a new certificate.\nTo replace it with a new "+
			"application, first apply purge_on_destroy = true, then replace it.\nIf its state was lost, import it:\n\n%s",
		journal.UniqueName, journal.TenantID, journal.ClientID, manager.ImportBlock(journal.ClientID)))
}

// lookupAPIs returns how to ask the tenant for its permissions; nil while the tenant, or who asks, is not known.
func (r *Resource) lookupAPIs(ctx context.Context, config *Model) apiLookup {
	tenant := orDefault(config.TenantID, r.services.TenantID())
	if !isSet(tenant) || len(r.services.Unknown()) > 0 {
		return nil
	}
	return func(appIDs ...string) (map[string]entra.ResourceApplication, error) {
		return r.services.Directory(tenant.ValueString()).ResourceApplications(ctx, appIDs...)
	}
}

// planner computes a plan without doing anything.
type planner struct {
	config      *Model
	proposed    *Model // the configuration with the schema's defaults, and prior values of what else is computed
	state       *Model // nil for an object that does not exist
	imported    bool
	storeLocked bool                                     // for want of a passphrase that fits
	journalURL  func(tenantID, uniqueName string) string // nil while the store is not known
	removalDue  []byte                                   // JSON, see removalDueKey
	now         time.Time                                // for warnings and errors only
	tenant      types.String                             // the provider's
	lookup      apiLookup
	diags       *diag.Diagnostics
}

func (p *planner) plan(ctx context.Context) Model {
	p.checkUniqueName()
	plan := *p.proposed
	plan.TenantID = p.tenantID()
	plan.RevokeUnexpectedPermissions = orDefault(p.config.RevokeUnexpectedPermissions, types.BoolValue(!p.imported))
	plan.ServicePrincipalEnabled = types.BoolValue(true)
	plan.SignInAudience = types.StringValue(registration.SingleTenant)
	plan.UniqueName = p.uniqueName(plan.DisplayName)
	p.planIdentifiers(&plan)
	p.planPermissions(ctx, &plan)
	p.planCertificate(ctx, &plan)
	p.planCredentials(ctx, &plan)
	p.planJournal(ctx, &plan)
	return plan
}

// planJournal plans to write a journal that is missing or not authentic. An imported application has none until it gets
// a certificate from here.
func (p *planner) planJournal(ctx context.Context, plan *Model) {
	recorded := registration.Observed{UniqueName: plan.UniqueName.ValueString()}
	if p.state != nil {
		plan.JournalURL, recorded.ClientID = p.state.JournalURL, p.state.ClientID.ValueString()
		if !p.state.JournalURL.IsNull() || p.storeLocked {
			return
		}
	}
	if isSet(plan.Certificate) {
		planned := decode[CertificateModel](ctx, plan.Certificate, p.diags)
		if planned.KeySource.ValueString() == registration.KeyExternal {
			return
		}
	}
	plan.JournalURL = types.StringUnknown()
	if p.journalURL != nil && isSet(plan.TenantID) && !plan.UniqueName.IsUnknown() {
		plan.JournalURL = types.StringValue(p.journalURL(plan.TenantID.ValueString(), recorded.JournalName()))
	}
}

func (p *planner) tenantID() types.String {
	switch {
	case !p.config.TenantID.IsNull():
		return p.config.TenantID
	case p.state != nil && p.tenant.IsUnknown():
		return p.state.TenantID
	case p.tenant.IsNull():
		p.diags.AddAttributeError(path.Root("tenant_id"), "No tenant",
			"Set tenant_id here, or in the provider block (environment variable ARM_TENANT_ID), to the ID of the target tenant.")
	}
	return p.tenant
}

// checkUniqueName refuses what would replace a live application for the sake of a name, and a duplicate without one.
func (p *planner) checkUniqueName() {
	at := path.Root("unique_name")
	switch {
	case p.state == nil && p.config.AllowDuplicateName.ValueBool() && p.config.UniqueName.IsNull():
		p.diags.AddAttributeError(at, "Missing unique name",
			"With allow_duplicate_name = true the display name does not identify the application, so unique_name has to. "+
				"Set one, for example:\n\n  unique_name = \"codetwo-target-wave-2\"")
	case p.state != nil && p.state.UniqueName.IsNull() && !p.config.UniqueName.IsNull():
		p.diags.AddAttributeError(at, "unique_name cannot be added to an imported application", fmt.Sprintf(
			"The %s was imported and has no unique name; giving it one would replace it. Remove unique_name.",
			p.state.application()))
	}
}

// uniqueName keeps the name that an existing application has: a new display name must not replace the application.
func (p *planner) uniqueName(displayName types.String) types.String {
	switch {
	case !p.config.UniqueName.IsNull():
		return p.config.UniqueName
	case p.state != nil:
		return p.state.UniqueName
	case displayName.IsUnknown():
		return types.StringUnknown()
	}
	hash := sha256.Sum256([]byte(displayName.ValueString()))
	return types.StringValue("codetwo-target-" + hex.EncodeToString(hash[:6]))
}

func (p *planner) planIdentifiers(plan *Model) {
	if p.state == nil {
		plan.ID, plan.ClientID, plan.ObjectID = types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
		plan.ServicePrincipalObjectID, plan.AdminConsentURL = types.StringUnknown(), types.StringUnknown()
		return
	}
	plan.ID, plan.ClientID, plan.ObjectID = p.state.ID, p.state.ClientID, p.state.ObjectID
	plan.AdminConsentURL = p.state.AdminConsentURL
	plan.ServicePrincipalObjectID = p.state.ServicePrincipalObjectID
	if plan.ServicePrincipalObjectID.ValueString() == "" {
		plan.ServicePrincipalObjectID = types.StringUnknown()
	}
}

// planCredentials plans that credentials from elsewhere stay. A new certificate may be among them already: one that an
// interrupted rotation has uploaded, or that somebody has uploaded by hand.
func (p *planner) planCredentials(ctx context.Context, plan *Model) {
	if p.state == nil {
		plan.UnexpectedCredentials = types.ListValueMust(credentialsType.ElemType, nil)
		return
	}
	plan.UnexpectedCredentials = p.state.UnexpectedCredentials
	isCertificate := func(credential CredentialModel) bool { return credential.Kind == "certificate" }
	listed := decode[[]CredentialModel](ctx, p.state.UnexpectedCredentials, p.diags)
	if slices.ContainsFunc(listed, isCertificate) && p.replacesCertificate(ctx, plan) {
		plan.UnexpectedCredentials = types.ListUnknown(credentialsType.ElemType)
	}
	if count := len(p.state.UnexpectedCredentials.Elements()); count > 0 {
		p.diags.AddAttributeWarning(path.Root("unexpected_credentials"), "Credentials from elsewhere", fmt.Sprintf(
			"Credentials of the %s that Terraform does not manage: %d. Anyone who has one can use all the application's "+
				"permissions. They are listed in unexpected_credentials and left unchanged. In the Entra admin center, under "+
				"Certificates & secrets, remove those that nobody can explain.", p.state.application(), count))
	}
}

// warnOfLoss tells which application is deleted, what loses access, and until when it can be undone.
func (r *Resource) warnOfLoss(
	ctx context.Context, state *Model, remembered tfvalidate.Remembered, summary string, diags *diag.Diagnostics,
) {
	var ignored diag.Diagnostics // what the store would add is left out where it cannot be read
	var manager *registration.Manager
	if !r.services.StoreUnknown() {
		manager = r.manager(state, remembered, &ignored)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "The %s leaves the tenant %s, with its service principal and every permission it was granted. "+
		"Everything that signs in as it loses access at once: a running CodeTwo migration stops.",
		state.application(), state.TenantID.ValueString())
	switch {
	case state.PurgeOnDestroy.ValueBool():
		text.WriteString("\n\npurge_on_destroy is set, so it cannot be restored.")
	case manager != nil && manager.NeverComplete(ctx, state.recorded(ctx, remembered.Generation, &ignored)):
		text.WriteString("\n\nIt was never complete, so it is removed from the recycle bin, too.")
	default:
		until := r.services.Now().AddDate(0, 0, 30).UTC().Format(time.DateOnly)
		fmt.Fprintf(&text, "\n\nIt can be restored until %s, from Entra's recycle bin.", until)
	}
	if manager != nil {
		if mailboxes := mailboxesOf(ctx, manager.Store, state); len(mailboxes) > 0 {
			fmt.Fprintf(&text, "\n\nConnections recorded with it: %s.", strings.Join(mailboxes, ", "))
		}
	}
	diags.AddWarning(summary, text.String())
}

// mailboxesOf names the mailboxes whose connections sign in as the application. It is for a warning: a store that
// cannot be read names none.
func mailboxesOf(ctx context.Context, records *store.Store, state *Model) []string {
	connections, _, err := records.Connections(ctx, state.TenantID.ValueString())
	if err != nil {
		return nil
	}
	var mailboxes []string
	for _, connection := range connections {
		if strings.EqualFold(connection.ClientID, state.ClientID.ValueString()) {
			mailboxes = append(mailboxes, connection.Mailbox)
		}
	}
	slices.Sort(mailboxes)
	return mailboxes
}

// orDefault returns the configured value, or the default where none is configured.
func orDefault[T interface{ IsNull() bool }](configured, otherwise T) T {
	if configured.IsNull() {
		return otherwise
	}
	return configured
}
