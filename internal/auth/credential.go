package auth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"golang.org/x/sync/semaphore"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
)

// builder makes an identity's credential for one tenant, which signs in over the wire.
type builder func(w wire, tenantID string) (azcore.TokenCredential, error)

// newBuilder reads what the identity's credential consists of.
func newBuilder(identity Identity) (builder, error) {
	switch kind := identity.Credential.(type) {
	case ClientSecret:
		secret, err := kind.read()
		if err != nil {
			return nil, err
		}
		return func(w wire, tenantID string) (azcore.TokenCredential, error) {
			return w.withSecret(tenantID, identity.ClientID, secret)
		}, nil
	case ClientCertificate:
		pair, err := kind.read()
		if err != nil {
			return nil, err
		}
		return func(w wire, tenantID string) (azcore.TokenCredential, error) {
			return w.withCertificate(tenantID, identity.ClientID, pair)
		}, nil
	case OIDCToken:
		return withAssertion(identity.ClientID, func(wire) assertion { return kind.read }), nil
	case WorkloadIdentity:
		return withAssertion(identity.ClientID, func(wire) assertion { return OIDCToken{Path: kind.Path}.read }), nil
	case GitHubOIDC:
		return withAssertion(identity.ClientID, func(w wire) assertion { return w.gitHubToken(kind) }), nil
	case AzureDevOpsOIDC:
		return withAssertion(identity.ClientID, func(w wire) assertion { return w.azureDevOpsToken(kind) }), nil
	case ManagedIdentity:
		return func(w wire, tenantID string) (azcore.TokenCredential, error) {
			// The endpoint is on the machine, behind no proxy and no extra root, and its client is azidentity's own:
			// on Service Fabric no other is taken.
			options := azidentity.ManagedIdentityCredentialOptions{}
			if identity.ClientID != "" {
				options.ID = azidentity.ClientID(identity.ClientID)
			}
			credential, err := azidentity.NewManagedIdentityCredential(&options)
			if err != nil {
				return nil, err
			}
			return &homeOnly{next: credential, tenantID: tenantID, note: w.note}, nil
		}, nil
	case AzureCLI:
		return func(w wire, tenantID string) (azcore.TokenCredential, error) {
			credential, err := azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: tenantID})
			if err != nil {
				return nil, err
			}
			return newRemembering(lastResort{credential, w.note}), nil
		}, nil
	}
	return nil, fmt.Errorf("no way to sign in with %s", identity.Credential.Kind())
}

func (s ClientSecret) read() (string, error) {
	if s.Value != "" {
		return s.Value, nil
	}
	content, err := os.ReadFile(s.Path)
	if err != nil {
		return "", fmt.Errorf("reading the client secret: %w", err)
	}
	secret := strings.TrimSpace(string(content))
	if secret == "" {
		return "", fmt.Errorf("the client secret's file %s is empty", s.Path)
	}
	return secret, nil
}

func (c ClientCertificate) read() (keyPair, error) {
	data, from := c.Data, "the client certificate"
	if len(data) == 0 {
		content, err := os.ReadFile(c.Path)
		if err != nil {
			return keyPair{}, fmt.Errorf("reading the client certificate: %w", err)
		}
		data, from = content, "the client certificate "+c.Path
	}
	pair, err := parsePair(data, c.Password)
	if err != nil {
		return keyPair{}, fmt.Errorf("%s cannot be used: %w", from, err)
	}
	return pair, nil
}

// ErrPassword is the error of NewCaller where the password does not open the client certificate.
var ErrPassword = certificate.ErrPassword

var errNotRSA = errors.New("its private key is not an RSA key, and the provider signs in with RSA keys only. Make a " +
	"certificate with an RSA key, and upload its public part to the application")

// parsePair reads a PFX or a PEM text. What CodeTwo demands of its own certificate is not asked of this one.
func parsePair(data []byte, password string) (keyPair, error) {
	var certificates []*x509.Certificate
	var key crypto.PrivateKey
	var err error
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		if bytes.Contains(data, []byte("-----BEGIN EC PRIVATE KEY-----")) { // which ParseCertificates overlooks
			return keyPair{}, errNotRSA
		}
		if certificates, key, err = azidentity.ParseCertificates(data, nil); err != nil {
			return keyPair{}, errors.New("it is PEM, but not a certificate with its unencrypted private key")
		}
	} else {
		var c *x509.Certificate
		if key, c, err = certificate.OpenPFX(data, password); err != nil {
			return keyPair{}, err
		}
		certificates = []*x509.Certificate{c}
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return keyPair{}, errNotRSA
	}
	if !slices.ContainsFunc(certificates, func(c *x509.Certificate) bool { return private.PublicKey.Equal(c.PublicKey) }) {
		return keyPair{}, errors.New("its private key belongs to none of its certificates")
	}
	return keyPair{certificates, private}, nil
}

func (t OIDCToken) read(context.Context) (string, error) {
	if t.Value != "" {
		return t.Value, nil
	}
	content, err := os.ReadFile(t.Path)
	if err != nil {
		return "", fmt.Errorf("reading the OIDC token: %w", err)
	}
	token := strings.TrimSpace(string(content))
	if token == "" {
		return "", fmt.Errorf("the OIDC token's file %s is empty", t.Path)
	}
	return token, nil
}

// assertion gets another issuer's token.
type assertion = func(context.Context) (string, error)

func withAssertion(clientID string, over func(wire) assertion) builder {
	return func(w wire, tenantID string) (azcore.TokenCredential, error) {
		noting := func(ctx context.Context) (string, error) {
			value, err := over(w)(ctx)
			w.note.fail(err)
			return value, err
		}
		return azidentity.NewClientAssertionCredential(tenantID, clientID, noting,
			&azidentity.ClientAssertionCredentialOptions{
				ClientOptions: w.options(), DisableInstanceDiscovery: true,
			})
	}
}

// homeOnly refuses the token of a managed identity that belongs to another tenant: the endpoint on the machine cannot
// be asked for a tenant, and silently answers with its own.
type homeOnly struct {
	next     azcore.TokenCredential
	tenantID string
	note     *note
}

func (h *homeOnly) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := h.next.GetToken(ctx, options)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	claims, err := claimsOf(token.Token)
	if err != nil {
		return azcore.AccessToken{}, fmt.Errorf("the managed identity's token does not tell its tenant: %w", err)
	}
	if !strings.EqualFold(claims.TenantID, h.tenantID) {
		err := foreignManagedIdentity(claims.TenantID, h.tenantID)
		h.note.fail(err)
		return azcore.AccessToken{}, err
	}
	return token, nil
}

// lastResort explains, where the Azure CLI fails, why it was asked: often nobody meant to use it.
type lastResort struct {
	next azcore.TokenCredential
	note *note
}

func (l lastResort) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := l.next.GetToken(ctx, options)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("there is no credential in the configuration, in ARM_* or in AZURE_*, so the Azure CLI was tried: "+
			"%w\n\nTo sign in as an application, set ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET (or a certificate, "+
			"or OIDC). To sign in as yourself, run az login. "+
			"With use_cli = false the Azure CLI is not tried", err)
		l.note.fail(err)
	}
	return token, err
}

// remembering keeps tokens until shortly before they expire. The Azure CLI's credential starts a process for each.
type remembering struct {
	next   azcore.TokenCredential
	asking *semaphore.Weighted           // held while next is asked
	tokens map[string]azcore.AccessToken // by scope; guarded by asking
}

func newRemembering(next azcore.TokenCredential) *remembering {
	return &remembering{next: next, asking: semaphore.NewWeighted(1), tokens: map[string]azcore.AccessToken{}}
}

// expiryMargin is how long before its end a token is no longer handed out, as in azcore's bearer token policy.
const expiryMargin = 5 * time.Minute

func (r *remembering) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if len(options.Scopes) != 1 {
		return azcore.AccessToken{}, errors.New("one scope is wanted")
	}
	if err := r.asking.Acquire(ctx, 1); err != nil {
		return azcore.AccessToken{}, err
	}
	defer r.asking.Release(1)
	if token, ok := r.tokens[options.Scopes[0]]; ok && time.Until(token.ExpiresOn) > expiryMargin {
		return token, nil
	}
	token, err := r.next.GetToken(ctx, options)
	if err == nil {
		r.tokens[options.Scopes[0]] = token
	}
	return token, err
}
