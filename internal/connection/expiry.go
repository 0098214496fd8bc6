package connection

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// warnOfExpiry warns of a credential that ends soon, or has ended. It changes nothing in the plan, which must not
// depend on the time: Terraform makes it again while it applies. s is nil while the store is not known.
func (m *Model) warnOfExpiry(ctx context.Context, s *store.Store, now time.Time, diags *diag.Diagnostics) {
	// shared ones are one warning
	at, what := path.Root("certificate_thumbprint"), "The certificate "+m.CertificateThumbprint.ValueString()
	ends := timeOf(m.CertificateNotAfter)
	remedy := "Create a new certificate, upload it to the app, and set certificate_thumbprint to its thumbprint. If " +
		"codetwo_target_app_registration manages the app, run terraform apply instead."
	if m.CredentialType.ValueString() == store.CredentialClientSecret {
		at, what = path.Root("client_secret_expires_at"), "The client secret of "+m.Mailbox.ValueString()
		ends = timeOf(m.ClientSecretExpiresAt)
		remedy = "Create a new client secret in the app, and set client_secret_wo to its value, client_secret_wo_version " +
			"to another number, and client_secret_expires_at to its end."
	} else if ends == nil && s != nil && !anyUnknown(m.TenantID, m.CertificateThumbprint) {
		// Apply will find the date in the store, if it is there; the plan may not promise it.
		if c, err := s.Certificate(ctx, m.TenantID.ValueString(), m.CertificateThumbprint.ValueString()); err == nil {
			ends = &c.NotAfter
		}
	}
	if ends == nil || now.Before(ends.Add(-checks.ExpiryNotice)) {
		return
	}
	summary, verb := " ends soon", "ends"
	if now.After(*ends) {
		summary, verb = " has ended", "ended"
	}
	diags.AddAttributeWarning(at, what+summary, fmt.Sprintf("The connection %s in tenant %s signs in with it, and it "+
		"%s on %s. %s Then update the connection in CodeTwo; the new hand-off sheet says how.",
		m.Mailbox.ValueString(), m.TenantID.ValueString(), verb, ends.UTC().Format("2006-01-02 15:04 MST"), remedy))
}
