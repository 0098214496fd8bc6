package auth

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// App is the registered application with one of its credentials: a certificate with its key, or a client secret.
type App struct {
	TenantID     string // GUID
	ClientID     string // GUID
	ClientSecret string
	Certificate  *x509.Certificate
	Key          *rsa.PrivateKey
}

// AppSession signs in as the registered application. It reuses its tokens until they expire: to get a token with the
// roles of a later grant, or to use a new secret, create another session.
type AppSession struct{ *session }

// NewApp returns a session that signs in as the application. It makes no request.
func NewApp(app App, endpoints Endpoints, client *http.Client, retries retry.Policy) (*AppSession, error) {
	var build builder
	switch {
	case app.ClientSecret != "" && app.Certificate != nil:
		return nil, errors.New("the application has both a client secret and a certificate to sign in with: one is wanted")
	case app.ClientSecret != "":
		build = func(w wire, tenantID string) (azcore.TokenCredential, error) {
			return w.withSecret(tenantID, app.ClientID, app.ClientSecret)
		}
	case app.Certificate != nil && app.Key != nil:
		build = func(w wire, tenantID string) (azcore.TokenCredential, error) {
			return w.withCertificate(tenantID, app.ClientID, keyPair{[]*x509.Certificate{app.Certificate}, app.Key})
		}
	default:
		return nil, errors.New("the application has neither a client secret nor a certificate with its private key to sign " +
			"in with")
	}
	w := wire{endpoints: endpoints, client: client, retries: retries}
	s, err := newSession(w, app.TenantID, app.ClientID, build)
	if err != nil {
		return nil, fmt.Errorf("preparing to sign in to tenant %s as application %s: %w", app.TenantID, app.ClientID, err)
	}
	return &AppSession{s}, nil
}

// Instance discovery asks Entra whether an authority is one of its own. The endpoints are: nothing else can be
// configured, apart from a sandbox, of which Entra knows nothing.

func (w wire) withSecret(tenantID, clientID, secret string) (azcore.TokenCredential, error) {
	return azidentity.NewClientSecretCredential(tenantID, clientID, secret, &azidentity.ClientSecretCredentialOptions{
		ClientOptions: w.options(), DisableInstanceDiscovery: true,
	})
}

func (w wire) withCertificate(tenantID, clientID string, pair keyPair) (azcore.TokenCredential, error) {
	return azidentity.NewClientCertificateCredential(tenantID, clientID, pair.certificates, pair.key,
		&azidentity.ClientCertificateCredentialOptions{
			ClientOptions: w.options(), DisableInstanceDiscovery: true,
		})
}
