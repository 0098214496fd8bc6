package checks

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

// ExpiryNotice is how long before a credential expires the check warns about it.
const ExpiryNotice = 60 * 24 * time.Hour

func (f *Facts) record() Result {
	if f.ConnectionErr == nil && f.Connection != nil {
		return passed("the store holds the connection %q for the app %s", f.Connection.Name, f.Connection.ClientID)
	}
	if errors.Is(f.ConnectionErr, store.ErrNotFound) {
		return failed("Pass the id of a codetwo_target_connection as connection_id, with connection_store pointing to the "+
			"store that it was made in; the data source codetwo_target_connections lists what a store holds.",
			"the store holds no connection %s", f.ConnectionID)
	}
	if _, newer := errors.AsType[*store.NewerSchemaError](f.ConnectionErr); newer {
		return failed("Upgrade the provider to the version that wrote the record, or a later one.", "%v", f.ConnectionErr)
	}
	if store.IsLocked(f.ConnectionErr) {
		return inconclusive("Set CODETWO_STORE_PASSPHRASE, or passphrase of the provider's connection_store, to the store's "+
			"current passphrase.", "the connection's record cannot be proved: %v", f.ConnectionErr)
	}
	if other, ok := errors.AsType[*store.OtherIdentityError](f.ConnectionErr); ok {
		return failed("Correct the URL of connection_store, or restore identity.age from a backup of the store.", "%v", other)
	}
	if _, renewing := errors.AsType[*store.RenewalError](f.ConnectionErr); renewing {
		return failed("Finish the renewal of the store's identity, as the text says, and plan again.", "%v", f.ConnectionErr)
	}
	if store.IsUntrusted(f.ConnectionErr) {
		return failed("Find out who wrote the file, and run terraform apply: codetwo_target_connection writes the record "+
			"again.", "%v", f.ConnectionErr)
	}
	return inconclusive("Let the account that runs Terraform read the store, and plan again.",
		"the store did not answer: %v",
		f.ConnectionErr)
}

func (f *Facts) credential() Result {
	if f.Connection.CredentialType == "client_secret" {
		return f.clientSecret()
	}
	return f.certificate()
}

const (
	newSecret          = auth.NewSecret
	restoreCertificate = "Restore the file from a backup of the store, or run terraform apply. If " +
		"codetwo_target_app_registration generated the certificate, apply makes a new one; then set certificate_thumbprint " +
		"of the connection to it. If certificate_pfx_path of the connection is set, apply imports the file " +
		"again. Otherwise set certificate_pfx_path."
	restoreSecret = "Run terraform apply: codetwo_target_connection writes it again from the configuration. " +
		"Or restore the file from a backup of the store."
	newCertificate = auth.NewCertificate
)

func (f *Facts) clientSecret() Result {
	if check, bad := f.unopened("client secret", newSecret, restoreSecret); bad {
		return check
	}
	if f.Connection.ClientSecretExpiresAt == nil {
		return passed("the store holds the client secret; when it expires was not recorded (client_secret_expires_at)")
	}
	return f.unexpired(*f.Connection.ClientSecretExpiresAt, "the client secret", newSecret)
}

func (f *Facts) certificate() Result {
	name := "the certificate " + f.Connection.CertificateThumbprint
	found := f.Credential.Certificate
	end := f.Connection.CertificateNotAfter
	if found != nil {
		end = &found.NotAfter
		if err := certificate.CheckKey(found); err != nil {
			return failed(newCertificate, "%s: %v", name, err)
		}
		if f.Now.Before(found.NotBefore) {
			return failed("Wait until then, or set the clock of this machine right.", "%s is valid from %s only", name,
				day(found.NotBefore))
		}
	}
	if end != nil && !f.Now.Before(*end) {
		return f.unexpired(*end, name, newCertificate)
	}
	if f.Credential.KeyMissing {
		return inconclusive(
			"Run Configure in CodeTwo's wizard on the migration server, where the key is. To have it checked "+
				"from here, give the connection its PFX (certificate_pfx_path).",
			"the private key of %s is not in the store, so nobody can sign in with it from here", name)
	}
	if check, bad := f.unopened("private key of "+name, newCertificate, restoreCertificate); bad {
		return check
	}
	if end == nil {
		return inconclusive("Set certificate_pfx_path of the connection, so that the store holds the certificate.",
			"when %s expires is not known", name)
	}
	return f.unexpired(*end, name, newCertificate)
}

// unopened judges a credential that the store could not produce.
func (f *Facts) unopened(what, replace, restore string) (check Result, bad bool) {
	err := f.Credential.Err
	file, damaged := errors.AsType[*store.UntrustedError](err)
	switch {
	case err == nil:
		return Result{}, false
	case errors.Is(err, store.ErrPassphraseMissing):
		return inconclusive("Set CODETWO_STORE_PASSPHRASE, or passphrase of the provider's connection_store.",
			"opening the %s takes the store's passphrase, which is not set", what), true
	case errors.Is(err, sealing.ErrPassphraseUnfit):
		return inconclusive("Set CODETWO_STORE_PASSPHRASE, or passphrase of the provider's connection_store, to the "+
			"store's current passphrase.",
			"opening the %s takes the store's passphrase: %v", what, err), true
	case errors.Is(err, sealing.ErrPassphraseWrong):
		return inconclusive("Set CODETWO_STORE_PASSPHRASE, or passphrase of the provider's connection_store, to the "+
			"store's current passphrase.",
			"the store's passphrase does not open the %s", what), true
	case errors.Is(err, store.ErrNotFound):
		return failed(replace, "the store does not hold the %s", what), true
	case damaged && strings.HasSuffix(file.URL, "/identity.age"):
		return failed("R"+strings.TrimPrefix(store.RestoreIdentity, "r")+".", "%s cannot be used (%v)", file.URL,
			file.Err), true
	case damaged:
		return failed(restore, "%v", err), true
	default:
		return inconclusive("Let the account that runs Terraform read the store, and plan again.",
			"the %s could not be read: %v", what, err), true
	}
}

func (f *Facts) unexpired(end time.Time, what, replace string) Result {
	switch {
	case !f.Now.Before(end):
		return failed(replace, "%s expired on %s", what, day(end))
	case end.Sub(f.Now) < ExpiryNotice:
		return warning(replace, "%s expires on %s", what, day(end))
	default:
		return passed("the store opens %s, valid until %s", what, day(end))
	}
}

// consentURL is where an administrator grants what the app declares (Microsoft: "Grant tenant-wide admin consent to
// an application").
func (f *Facts) consentURL() string {
	return fmt.Sprintf("%s/%s/adminconsent?client_id=%s", f.Login, f.Connection.TenantID, f.Connection.ClientID)
}
