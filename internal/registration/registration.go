package appregistration

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

// providerTag marks the applications that were made here; a second tag holds the journal's marker.
const (
	providerTag  = "terraform-provider-codetwo"
	markerPrefix = "codetwo-registration:"
)

// job is one operation on one registration.
type job struct {
	services  Services
	directory entra.Directory
	store     *store.Store
	model     *Model
	diags     *diag.Diagnostics
	made      *x509.Certificate // the certificate that this operation uploads, if it does
	wrote     bool              // this operation has changed something in the tenant
	madeAt    time.Time         // when the application was made; zero while that is not known
	before    *CertificateModel // what the state said of the certificate before this operation
	previous  []PreviousModel   // the replaced certificates, once this operation has rotated
}

// job prepares an operation; nil when the store is not there, which has been reported.
func (r *Resource) job(model *Model, diags *diag.Diagnostics) *job {
	records, err := r.services.Store()
	if err != nil {
		diags.AddError("No connection store", "codetwo_target_app_registration keeps its journal and the certificate's key in the connection store. "+err.Error())
		return nil
	}
	return &job{
		services: r.services, directory: r.services.Directory(model.TenantID.ValueString()),
		store: records, model: model, diags: diags,
	}
}

// storeIsThere keeps a share that is not mounted, or another URL, from looking like a key that is lost: every certificate
// would be planned to be replaced. What has no key in the store needs none.
func (j *job) storeIsThere(ctx context.Context) bool {
	current := j.model.certificate(ctx, j.diags)
	if current == nil || current.KeySource.ValueString() != keyGenerated {
		return true
	}
	there, err := j.store.Exists(ctx, "", "")
	if err != nil {
		j.diags.AddError("The connection store cannot be read", err.Error())
	} else if !there {
		j.diags.AddError("The connection store is not there", fmt.Sprintf(
			"There is no connection store at %s, where the key of the app registration %q (client ID %s, certificate %s) is kept. Mount the folder, or set the URL right (connection_store of the provider, CODETWO_STORE_URL). "+
				"If the store is gone for good, forget the registration (terraform state rm), import it with the id %s/%s, and set certificate.take_over = true, which gives it a new certificate.",
			j.store.URL(), j.model.DisplayName.ValueString(), j.model.ClientID.ValueString(), current.Thumbprint.ValueString(), j.model.TenantID.ValueString(), j.model.ClientID.ValueString()))
	}
	return there
}

// problem is an error with the attribute that it is about, and what to do next.
type problem struct {
	at      path.Path
	summary string
	detail  string
}

func (p *problem) Error() string { return p.summary + ": " + p.detail }

// consentError is a refused consent, with the permission that it is about.
type consentError struct {
	permission, clientID string
	err                  error
}

func (e *consentError) Error() string { return "consenting to " + e.permission + ": " + e.err.Error() }

func (e *consentError) Unwrap() error { return e.err }

// report turns an error into a diagnostic. doing is what failed, for the summary.
func (j *job) report(ctx context.Context, doing string, err error) {
	var p *problem
	if errors.As(err, &p) {
		j.diags.AddAttributeError(p.at, p.summary, p.detail)
		return
	}
	object := fmt.Sprintf("The application %q", j.model.DisplayName.ValueString())
	if known(j.model.ClientID) {
		object += " (client ID " + j.model.ClientID.ValueString() + ")"
	}
	summary := "Failed " + doing
	object += " in tenant " + j.model.TenantID.ValueString()
	next := nextStep(err)
	if entra.AsError(err) == nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && !strings.Contains(err.Error(), "timeouts") {
		next = "The time that timeouts allows ran out. Run the same command again: it goes on from what is done. Where the network or the tenant is that slow, allow more."
	}
	consent, ok := errors.AsType[*consentError](err)
	if !ok {
		j.diags.AddError(summary, object+": "+tfvalidate.Explain(err, next))
		return
	}
	next += "\n\nOr set grant_admin_consent = false, and let an administrator consent at " + j.consentURL(consent.clientID)
	j.diags.AddAttributeError(path.Root("grant_admin_consent"), summary, object+", consent to "+consent.permission+": "+tfvalidate.Explain(err, strings.TrimSpace(next)))
}

// nextStep says what a person can do about an answer of Graph; nothing where only its own text tells, or it is none.
func nextStep(err error) string {
	refused := entra.AsError(err)
	switch {
	case refused == nil:
	case refused.Status == http.StatusForbidden:
		return "The identity that Terraform signs in as lacks a right: " + rightFor(refused.Method, refused.Path) + "."
	case refused.Code == "KeyCredentialsInvalidEndDate":
		return "Entra takes no new certificate while an expired one is on the application: remove that in the Entra portal, under Certificates & secrets, and apply again."
	case refused.Code == "CredentialTypeNotAllowedAsPerAppPolicy":
		return "An app management policy of the tenant allows no certificate on applications at all. Ask for an exemption of this one."
	}
	return ""
}

// rightFor names the least application permission that a call needs (Microsoft Graph permissions reference).
func rightFor(method, path string) string {
	switch {
	case strings.Contains(path, "/appRoleAssign") && method != "GET":
		return "AppRoleAssignment.ReadWrite.All, to consent to permissions"
	case method == "GET":
		return "Application.Read.All, to read applications and service principals"
	default:
		return "Application.ReadWrite.OwnedBy (its own applications) or Application.ReadWrite.All, to change applications and service principals"
	}
}

// look reads the registration, by its object ID or, after an import, by whichever ID was given.
func (j *job) look(ctx context.Context) (*entra.Registration, error) {
	ref := j.ref()
	if ref.ObjectID == "" || ref.ClientID == "" {
		_, given, _ := strings.Cut(j.model.ID.ValueString(), "/")
		application, err := j.findImported(ctx, given)
		if err != nil {
			return nil, err
		}
		ref.ObjectID, ref.ClientID = application.ObjectID, application.ClientID
	}
	registration, err := j.directory.Registration(ctx, ref)
	if err != nil {
		return nil, err
	}
	if registration.Application != nil {
		j.madeAt = registration.Application.CreatedAt
		return registration, nil
	}
	// One replica may not know an object that exists: only a second look makes it gone, and a fifth one what was made a
	// moment ago.
	looks := 2
	if j.young(ctx) {
		looks = 5
	}
	for run := j.waiting(); registration.Application == nil && run.Attempts() < looks-1; {
		if err := run.Again(ctx, retry.Until(errors.New("Entra did not show the application"))); err != nil {
			return nil, err
		}
		if registration, err = j.directory.Registration(ctx, ref); err != nil {
			return nil, err
		}
	}
	return registration, nil
}

// young tells whether the journal says that the application was made a moment ago, and is not being deleted.
func (j *job) young(ctx context.Context) bool {
	journal, err := j.store.Registration(ctx, j.model.TenantID.ValueString(), journalName(j.model))
	return err == nil && journal.DeletingAt == nil && j.services.Now().Sub(journal.StartedAt) < settling
}

// lookAgainst reads the registration for an update. A replica that lags would show it as it was, and what an update then
// writes would take away what it did not see: so what lacks something that the state holds is looked at again.
func (j *job) lookAgainst(ctx context.Context, state *Model) (*entra.Registration, error) {
	for run := j.waiting(); ; {
		registration, err := j.look(ctx)
		if err != nil || registration.Application == nil || run.Attempts() == goodReads-1 || !j.lacks(ctx, registration, state) {
			return registration, err
		}
		if err := run.Again(ctx, retry.Until(errors.New("Entra did not show all that the state holds"))); err != nil {
			return nil, err
		}
	}
}

// lacks tells whether a registration is without a certificate, a permission or the service principal that the state holds.
func (j *job) lacks(ctx context.Context, seen *entra.Registration, state *Model) bool {
	if known(state.ServicePrincipalObjectID) && (seen.ServicePrincipal == nil || seen.ServicePrincipal.ObjectID != state.ServicePrincipalObjectID.ValueString()) {
		return true
	}
	var keyIDs []string
	if current := state.certificate(ctx, j.diags); current != nil {
		if thumbprint := current.Thumbprint.ValueString(); thumbprint != "" && keyWith(seen.Application, thumbprint) < 0 {
			return true
		}
		for _, entry := range current.previous(ctx, j.diags) {
			keyIDs = append(keyIDs, entry.KeyID.ValueString())
		}
	}
	var others []CredentialModel
	j.diags.Append(state.UnexpectedCredentials.ElementsAs(ctx, &others, false)...)
	for _, other := range others {
		if other.Kind.ValueString() == "certificate" {
			keyIDs = append(keyIDs, other.KeyID.ValueString())
		}
	}
	for _, keyID := range keyIDs {
		if !slices.ContainsFunc(seen.Application.Keys, func(key entra.KeyCredential) bool { return key.KeyID == keyID }) {
			return true
		}
	}
	for _, recorded := range []types.Map{state.Permissions, state.UnexpectedPermissions} {
		for _, entry := range readPermissions(ctx, recorded, j.diags) {
			if entry.Consented.ValueBool() && !granted(seen.Grants, entry.roleRef()) {
				return true
			}
		}
	}
	return false
}

// outcome reports an operation's error, and returns what the state is to hold: the completed plan or, with an error,
// what there is; nil where nothing was made or changed.
func (j *job) outcome(ctx context.Context, doing string, registration *entra.Registration, err error) *Model {
	if err != nil {
		j.report(ctx, doing, err)
	}
	if registration == nil {
		return nil
	}
	j.fill(ctx, registration)
	if err != nil {
		seen := j.lookAgain(ctx, registration)
		j.keepCertificates(ctx, seen.Application)
		j.observe(ctx, seen)
	}
	return j.model
}

// keepCertificates undoes in the model what an operation that failed did not get done: the certificate stays the one
// before where the new one never came to the application, and a replaced one stays on record until it is removed.
func (j *job) keepCertificates(ctx context.Context, seen *entra.Application) {
	current := j.model.certificate(ctx, j.diags)
	if j.before == nil || current == nil {
		return
	}
	if j.made != nil && keyWith(seen, certificate.Thumbprint(j.made)) < 0 {
		current = j.before
	}
	recorded := current.previous(ctx, j.diags)
	for _, entry := range j.before.previous(ctx, j.diags) {
		if !slices.ContainsFunc(recorded, func(other PreviousModel) bool { return other.KeyID.Equal(entry.KeyID) }) {
			recorded = append(recorded, entry)
		}
	}
	current.Previous = previousList(ctx, recorded, j.diags)
	j.model.setCertificate(ctx, *current, j.diags)
}

// lookAgain reads what a failed operation left, so that the state is the truth. What is known stands where that fails, too.
func (j *job) lookAgain(ctx context.Context, left *entra.Registration) *entra.Registration {
	ref := entra.RegistrationRef{ObjectID: left.Application.ObjectID, ClientID: left.Application.ClientID, APIs: j.ref().APIs}
	if seen, err := j.directory.Registration(ctx, ref); err == nil && seen.Application != nil {
		return seen
	}
	return left
}

func (j *job) ref() entra.RegistrationRef {
	return entra.RegistrationRef{
		ObjectID: j.model.ObjectID.ValueString(),
		ClientID: j.model.ClientID.ValueString(),
		APIs:     apisOf(readPermissions(context.Background(), j.model.Permissions, j.diags)),
	}
}

// findImported finds the application that an import names by client ID or object ID.
func (j *job) findImported(ctx context.Context, given string) (*entra.Application, error) {
	found, err := j.directory.Search(ctx, entra.SearchQuery{ClientID: given})
	if err != nil {
		return nil, err
	}
	if found.ByClientID != nil {
		return found.ByClientID, nil
	}
	registration, err := j.directory.Registration(ctx, entra.RegistrationRef{ObjectID: given, ClientID: given})
	if err != nil {
		return nil, err
	}
	if registration.Application == nil {
		return nil, &problem{path.Root("id"), "No such application", fmt.Sprintf(
			"The tenant %s has no application with the client ID or object ID %s. Compare it with the application's Overview page in the Entra portal.", j.model.TenantID.ValueString(), given)}
	}
	return registration.Application, nil
}

// markerOf returns the journal's marker on an application that was made here; empty on any other.
func markerOf(application *entra.Application) string {
	if !slices.Contains(application.Tags, providerTag) {
		return ""
	}
	for _, tag := range application.Tags {
		if marker, ok := strings.CutPrefix(tag, markerPrefix); ok {
			return marker
		}
	}
	return ""
}
