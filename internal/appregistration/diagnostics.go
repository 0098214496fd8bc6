package appregistration

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/registration"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

// about says which attribute a diagnostic is about, as package registration names it; empty: none.
func about(attribute string, problem diag.Diagnostic) diag.Diagnostic {
	if attribute == "" {
		return problem
	}
	root, nested, isNested := strings.Cut(attribute, ".")
	at := path.Root(root)
	if isNested {
		at = at.AtName(nested)
	}
	return diag.WithPath(at, problem)
}

func addWarnings(diags *diag.Diagnostics, warnings []registration.Warning) {
	for _, w := range warnings {
		diags.Append(about(w.Attribute, diag.NewWarningDiagnostic(w.Summary, w.Detail)))
	}
}

// report turns an operation's error into a diagnostic. action is what failed, for the summary: "create the app
// registration".
func (r *Resource) report(ctx context.Context, model *Model, action string, err error, diags *diag.Diagnostics) {
	if explained, ok := errors.AsType[*registration.Error](err); ok {
		diags.Append(about(explained.Attribute, diag.NewErrorDiagnostic(explained.Summary, explained.Detail)))
		return
	}
	object := "The " + model.application() + " in tenant " + model.TenantID.ValueString()
	next := nextStep(err)
	refused := entra.AsError(err) != nil
	stopped, waited := errors.AsType[*retry.StoppedError](err)
	// The text of a wait says so itself, unless it shows what Graph answered last, which is not final.
	if waited && refused && errors.Is(stopped.Cause, context.DeadlineExceeded) ||
		!waited && !refused && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		next = "The limit in timeouts was reached. Run the same command again; it continues where it stopped. If the " +
			"network or the tenant is slow, raise the limit in timeouts."
	}
	consent, ok := errors.AsType[*registration.ConsentError](err)
	if !ok {
		diags.AddError("Failed to "+action, object+": "+tfvalidate.Explain(err, next))
		return
	}
	next += "\n\nOr set grant_admin_consent = false, and let an administrator consent at " +
		r.consentURL(model, consent.ClientID)
	diags.AddAttributeError(path.Root("grant_admin_consent"), "Failed to "+action,
		object+", consent to "+consent.Permission+": "+tfvalidate.Explain(err, strings.TrimSpace(next)))
}

// nextStep says what a person can do about an answer of Graph; nothing where its own text says enough, or err is none.
func nextStep(err error) string {
	refused := entra.AsError(err)
	switch {
	case refused == nil:
	case refused.Status == http.StatusForbidden:
		return "The identity that Terraform signs in as lacks a right: " + rightFor(refused.Method, refused.Path) + "."
	case refused.Code == "KeyCredentialsInvalidEndDate":
		return "Entra takes no new certificate while an expired one is on the application: remove that in the Entra " +
			"portal, under Certificates & secrets, and apply again."
	case refused.Code == "CredentialTypeNotAllowedAsPerAppPolicy":
		return "An app management policy of the tenant allows no certificate on applications at all. Ask an " +
			"administrator of the tenant to exempt this application from it."
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
		return "Application.ReadWrite.OwnedBy (its own applications) or Application.ReadWrite.All, to change applications " +
			"and service principals"
	}
}
