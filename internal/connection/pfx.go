package connection

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// openPFX opens the PFX file of a configuration and checks what CodeTwo would ask of it. It returns nil, and says why
// at the attribute to blame, if the file cannot serve.
func openPFX(config *Model, now time.Time, diags *diag.Diagnostics) *certificate.Pair {
	const summary = "Unusable PFX file"
	at := path.Root("certificate_pfx_path")
	file := config.CertificatePFXPath.ValueString()
	data, err := os.ReadFile(file)
	if err != nil {
		diags.AddAttributeError(at, summary, fmt.Sprintf("The file cannot be read: %v. A relative path begins at the "+
			"folder in which Terraform runs.", err))
		return nil
	}
	pair, err := certificate.DecodePFX(data, config.CertificatePFXPassword.ValueString())
	if errors.Is(err, certificate.ErrPassword) {
		if config.CertificatePFXPassword.IsNull() {
			diags.AddAttributeError(at, summary, fmt.Sprintf("%s has a password: set certificate_pfx_password_wo and "+
				"certificate_pfx_password_wo_version.", file))
		} else {
			diags.AddAttributeError(path.Root("certificate_pfx_password_wo"), summary, fmt.Sprintf("%s: %v.", file, err))
		}
		return nil
	}
	if err != nil {
		diags.AddAttributeError(at, summary, fmt.Sprintf("%s: %v.", file, err))
		return nil
	}
	c := pair.Certificate
	thumbprint := certificate.Thumbprint(c)
	if normalThumbprint(config.CertificateThumbprint.ValueString()) != thumbprint {
		diags.AddAttributeError(path.Root("certificate_thumbprint"), "certificate_thumbprint does not match the PFX file",
			fmt.Sprintf("%s contains the certificate %s. Set certificate_thumbprint to it, or certificate_pfx_path to the "+
				"right file.", file, thumbprint))
		return nil
	}
	const day = "2006-01-02 15:04 MST"
	if now.After(c.NotAfter) {
		diags.AddAttributeError(at, summary, fmt.Sprintf("The certificate in %s expired on %s. Make another one and "+
			"register it with the app.", file, c.NotAfter.UTC().Format(day)))
		return nil
	}
	if now.Before(c.NotBefore) {
		diags.AddAttributeError(at, summary, fmt.Sprintf("The certificate in %s is not valid before %s.", file,
			c.NotBefore.UTC().Format(day)))
		return nil
	}
	return pair
}

// thumbprintOf names the certificate that is in the PFX file of a configuration, if it opens, as a sentence to append.
func thumbprintOf(config *Model) string {
	if anyUnknown(config.CertificatePFXPath, config.CertificatePFXPassword) {
		return ""
	}
	data, err := os.ReadFile(config.CertificatePFXPath.ValueString())
	if err != nil {
		return ""
	}
	pair, err := certificate.DecodePFX(data, config.CertificatePFXPassword.ValueString())
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" The file's certificate is %s.", certificate.Thumbprint(pair.Certificate))
}

// encryption is how a PFX is to be encrypted that is written for this connection.
func (m *Model) encryption() certificate.Encryption {
	if m.CertificatePFXEncryption.ValueString() == certificate.Legacy.String() {
		return certificate.Legacy
	}
	return certificate.AES256
}

// repackDue reports whether the store's PFX is encrypted in another way than the plan says. What cannot be read is left
// to those who need it.
func repackDue(ctx context.Context, s *store.Store, plan *Model) bool {
	if plan.CertificatePFXEncryption.IsNull() ||
		anyUnknown(plan.CertificatePFXEncryption, plan.TenantID, plan.CertificateThumbprint) {
		return false
	}
	current, err := s.PFXEncryption(ctx, plan.TenantID.ValueString(), plan.CertificateThumbprint.ValueString())
	return err == nil && current != plan.encryption()
}
