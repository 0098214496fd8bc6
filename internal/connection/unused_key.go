package connection

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// deleteUnusedKey is for the certificate of a connection that does not name it any more. Its key leaves the store when
// nothing else names it, and the PFX file that it came from is still there: otherwise it may be the only copy, and a
// replacement of the connection would lose it. A failure is a warning, since the connection itself is in order.
func deleteUnusedKey(
	ctx context.Context, s *store.Store, connection *Model, now time.Time, diags *diag.Diagnostics,
) {
	thumbprint := connection.CertificateThumbprint.ValueString()
	if thumbprint == "" {
		return
	}
	tenantID, mailbox := connection.key()
	err := deleteUnusedCertificate(ctx, s, tenantID, thumbprint, connection.CertificatePFXPath.ValueString())
	if errors.Is(err, errNamed) {
		if len(connection.HandoffRecipients.Elements()) > 0 {
			changePassword(ctx, s, tenantID, thumbprint, now)
		}
		return
	}
	if errors.Is(err, errOnlyCopy) {
		files, _ := store.ConnectionFiles(tenantID, mailbox, thumbprint)
		diags.AddWarning("A certificate's key was left in the store", fmt.Sprintf(
			"Nothing in the store names the certificate %s any more, but its key may be the only copy: there is no file at "+
				"certificate_pfx_path. To use it again, name it in a connection. Otherwise delete %s, and the files next to it "+
				"that have the same name, from %s.",
			normalThumbprint(thumbprint), files.PFX, s.URL()))
	} else if err != nil {
		diags.AddWarning("A certificate's key was left in the store", fmt.Sprintf("The key of the certificate %s could "+
			"not be removed from the store: %v. If nothing uses it, delete its files.", thumbprint, err))
	}
}

var (
	errOnlyCopy = errors.New("the store's copy of the key may be the only one")
	errNamed    = errors.New("something else names the certificate")
)

func deleteUnusedCertificate(ctx context.Context, s *store.Store, tenantID, thumbprint, pfxPath string) error {
	there, err := s.HasCertificateFiles(ctx, tenantID, thumbprint)
	if err != nil || !there {
		return err
	}
	named, err := s.CertificateIsNamed(ctx, tenantID, thumbprint)
	if err != nil {
		return err
	}
	if named {
		return errNamed
	}
	if info, err := os.Stat(pfxPath); pfxPath == "" || err != nil || !info.Mode().IsRegular() {
		if whole, err := s.HasKeyFiles(ctx, tenantID, thumbprint); err != nil || whole {
			return errors.Join(err, errOnlyCopy)
		}
	}
	return s.DeleteCertificate(ctx, tenantID, thumbprint) // or what a cut-off run left of it
}

// changePassword gives the PFX of a certificate that others still use another password: those who could open it for the
// connection that is gone may have kept the one before. Without the passphrase it stays.
func changePassword(ctx context.Context, s *store.Store, tenantID, thumbprint string, now time.Time) {
	err := s.Unlock(ctx)
	if err == nil {
		err = s.SealCertificate(ctx, tenantID, thumbprint, now)
	}
	if err != nil {
		tflog.Warn(ctx, "The password of a PFX stays known to people who no longer need it",
			map[string]any{"thumbprint": thumbprint, "error": err.Error()})
		return
	}
	renewConnections(ctx, s, tenantID, thumbprint)
}
