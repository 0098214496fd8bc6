package connection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// preflight looks into the store, while planning, for what apply would fail on, and for what it can tell already.
type preflight struct {
	store               *store.Store
	now                 time.Time
	config, state, plan *Model // state is nil when the connection is to be created
	owner               string // of a record that is being replaced; else of state's
	diags               *diag.Diagnostics
}

// run returns whether the plan changes anything, which a key missing in the store makes it do.
func (p *preflight) run(ctx context.Context, changed bool) bool {
	importing := importsPFX(ctx, p.store, p.plan, p.state)
	if !changed && !importing {
		return false
	}
	if !p.checkWritable(ctx) {
		return true
	}
	replacing := p.state != nil && (!p.plan.TenantID.Equal(p.state.TenantID) || !p.plan.Mailbox.Equal(p.state.Mailbox))
	if p.state == nil || replacing {
		p.checkMailboxFree(ctx)
	}
	if importing {
		p.checkPFX()
	}
	return true
}

// importsPFX reports whether the PFX file is to be read: something about it changed, or its key is not in the store.
func importsPFX(ctx context.Context, s *store.Store, plan, state *Model) bool {
	if plan.CertificatePFXPath.IsNull() {
		return false
	}
	if state == nil || !plan.CertificatePFXPath.Equal(state.CertificatePFXPath) ||
		!plan.CertificateThumbprint.Equal(state.CertificateThumbprint) ||
		!plan.CertificatePFXPasswordWOVersion.Equal(state.CertificatePFXPasswordWOVersion) ||
		anyUnknown(plan.TenantID, plan.CertificateThumbprint) {
		return true
	}
	tenantID, thumbprint := plan.TenantID.ValueString(), plan.CertificateThumbprint.ValueString()
	if there, err := s.HasKeyPair(ctx, tenantID, thumbprint); err != nil || there {
		return false
	}
	key, err := s.KeyState(ctx, tenantID, thumbprint)
	return err == nil && key == store.KeyMissing
}

// checkMailboxFree refuses a tenant and mailbox that another connection has.
func (p *preflight) checkMailboxFree(ctx context.Context) {
	if anyUnknown(p.plan.TenantID, p.plan.Mailbox) {
		return
	}
	tenantID, mailbox := p.plan.key()
	err := p.store.MailboxFree(ctx, tenantID, mailbox)
	exists, taken := errors.AsType[*store.ExistsError](err)
	switch {
	case err == nil:
	case !taken:
		p.diags.AddAttributeError(path.Root("mailbox"), "A record is in the way", err.Error()+".")
	case exists.Existing.Owner == p.owner:
		// A resource that is being replaced: its own record is deleted first.
	case p.plan.matches(exists.Existing):
		// Perhaps it is being replaced with create_before_destroy. Terraform plans once more then while it applies, without
		// the owner, and an error there would leave the old object deposed, where every later plan fails on it, too. Create
		// says the same, and Terraform keeps the old object.
	default:
		reportMailboxTaken(p.diags, exists)
	}
}

// matches reports whether a record has the plan's app, credential and name.
func (m *Model) matches(c store.Connection) bool {
	return strings.EqualFold(m.ClientID.ValueString(), c.ClientID) && m.CredentialType.ValueString() == c.CredentialType &&
		normalThumbprint(m.CertificateThumbprint.ValueString()) == c.CertificateThumbprint && m.Name.ValueString() == c.Name
}

// reportMailboxTaken names the connection that has the mailbox, and says how to import it.
func reportMailboxTaken(diags *diag.Diagnostics, exists *store.ExistsError) {
	diags.AddAttributeError(path.Root("mailbox"), "The mailbox serves another connection", fmt.Sprintf("%v.\n\n"+
		"If an interrupted run of this resource created it, import it as below; if Terraform marked it as tainted, run "+
		"terraform untaint instead.\n\n"+
		"  import {\n    to = codetwo_target_connection.<name>\n    id = %q\n  }\n\n"+
		"If it was another resource of this configuration until now, tell Terraform with a moved block. "+
		"If this resource is replacing itself, remove create_before_destroy: the old connection has to be deleted first.",
		exists, exists.Existing.ID()))
}

// checkWritable tells what keeps the record from being written, and returns false then.
func (p *preflight) checkWritable(ctx context.Context) bool {
	err := p.store.CanWrite(ctx)
	if err != nil {
		p.diags.AddError("The connection store cannot be written", err.Error()+".")
	}
	return err == nil
}

// checkPFX opens the file as apply will.
func (p *preflight) checkPFX() {
	if anyUnknown(p.config.CertificatePFXPath, p.config.CertificateThumbprint, p.config.CertificatePFXPassword) {
		return
	}
	if pair := openPFX(p.config, p.now, p.diags); pair != nil {
		if p.plan.CertificateNotAfter.IsUnknown() {
			p.plan.CertificateNotAfter = timeText(&pair.Certificate.NotAfter)
		}
	}
}

// writesSecret reports whether the plan writes the client secret that the configuration holds.
func writesSecret(plan, state *Model) bool {
	return plan.CredentialType.ValueString() == store.CredentialClientSecret &&
		(state == nil || !plan.ClientSecretWOVersion.Equal(state.ClientSecretWOVersion) ||
			!plan.CredentialType.Equal(state.CredentialType))
}

// anyUnknown reports whether one of the values is known only after apply. Null is known.
func anyUnknown(values ...types.String) bool {
	return slices.ContainsFunc(values, types.String.IsUnknown)
}
