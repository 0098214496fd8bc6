package connection

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// deleteUnusedKey is for the certificate of a connection that does not name it any more. Its key leaves the store when
// nothing else names it, and the PFX file that it came from is still there: otherwise it may be the only copy, and a
// replacement of the connection would lose it. A failure is a warning, since the connection itself is in order.
func deleteUnusedKey(ctx context.Context, s *store.Store, connection *Model, diags *diag.Diagnostics) {
	thumbprint := connection.CertificateThumbprint.ValueString()
	if thumbprint == "" {
		return
	}
	tenantID, mailbox := connection.key()
	err := deleteUnusedCertificate(ctx, s, tenantID, thumbprint, connection.CertificatePFXPath.ValueString())
	if errors.Is(err, errOnlyCopy) {
		files, _ := store.ConnectionFiles(tenantID, mailbox, thumbprint)
		diags.AddWarning("A certificate's key was left in the store", fmt.Sprintf(
			"Nothing in the store names the certificate %s any more, and its key may be the only copy: there is no file at "+
				"certificate_pfx_path. "+
				"A connection can use it again by naming it. If it is no longer needed, delete %s and the files with the same "+
				"name next to it in %s.",
			normalThumbprint(thumbprint), files.PFX, s.URL()))
	} else if err != nil {
		diags.AddWarning("A certificate's key was left in the store", fmt.Sprintf("The key of the certificate %s could "+
			"not be removed: %v. If no connection uses it, delete its files from the store.", thumbprint, err))
	}
}

var errOnlyCopy = errors.New("the store's copy of the key may be the only one")

func deleteUnusedCertificate(ctx context.Context, s *store.Store, tenantID, thumbprint, pfxPath string) error {
	there, err := s.HasKeyPair(ctx, tenantID, thumbprint)
	if err != nil {
		return err
	}
	if !there {
		return s.DeleteUnusedCertificate(ctx, tenantID, thumbprint) // what a cut-off run left of it, if anything
	}
	named, err := s.CertificateIsNamed(ctx, tenantID, thumbprint)
	if err != nil {
		return err
	}
	if named {
		// Fewer people may open it now. Without the passphrase, the plans of the other connections show it and do it.
		if due, err := s.SharingDue(ctx, tenantID, thumbprint, nil); err == nil && due && s.HasPassphrase() {
			if err := s.ShareCertificate(ctx, tenantID, thumbprint); err != nil {
				tflog.Warn(ctx, "The password of a PFX is still encrypted to people who no longer need it",
					map[string]any{"thumbprint": thumbprint, "error": err.Error()})
			}
		}
		return nil
	}
	if info, err := os.Stat(pfxPath); pfxPath == "" || err != nil || !info.Mode().IsRegular() {
		return errOnlyCopy
	}
	return s.DeleteUnusedCertificate(ctx, tenantID, thumbprint)
}
