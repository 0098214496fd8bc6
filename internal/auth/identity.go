package auth

import (
	"crypto/rsa"
	"crypto/x509"
)

// Identity is who runs the provider: tenant, client and credential belong together, and come from one source.
type Identity struct {
	TenantID   string     // GUID of the home tenant; may be empty for AzureCLI and ManagedIdentity
	ClientID   string     // GUID; empty for AzureCLI and for a system-assigned managed identity
	Credential Credential // one of the kinds below
}

// Credential is how the identity authenticates.
type Credential interface {
	// Kind returns the credential's name for messages.
	Kind() string
}

// ClientSecret is a client secret's value, given or read from a file once.
type ClientSecret struct {
	Value string
	Path  string // read when Value is empty
}

// ClientCertificate is a certificate with its private key, as PFX (PKCS#12) or PEM.
type ClientCertificate struct {
	Data     []byte
	Path     string // read when Data is empty
	Password string // of the PFX; may be empty
}

// OIDCToken is a token of another issuer that the application trusts (a federated credential).
type OIDCToken struct {
	Value string
	Path  string // read at every sign-in when Value is empty: such tokens live for minutes, and the file is renewed
}

// WorkloadIdentity is the token that AKS puts into a pod's file.
type WorkloadIdentity struct{ Path string }

// GitHubOIDC asks GitHub Actions for a token at every sign-in.
type GitHubOIDC struct{ RequestURL, RequestToken string }

// AzureDevOpsOIDC asks Azure Pipelines for a token of a service connection at every sign-in.
type AzureDevOpsOIDC struct{ RequestURL, RequestToken, ServiceConnectionID string }

// ManagedIdentity is the identity of the Azure resource that the provider runs on. It signs in to its own tenant only.
type ManagedIdentity struct{}

// AzureCLI is the person or application that ran az login.
type AzureCLI struct{}

// Kind implements Credential.
func (ClientSecret) Kind() string { return "client secret" }

// Kind implements Credential.
func (ClientCertificate) Kind() string { return "client certificate" }

// Kind implements Credential.
func (OIDCToken) Kind() string { return "OIDC token" }

// Kind implements Credential.
func (WorkloadIdentity) Kind() string { return "AKS workload identity" }

// Kind implements Credential.
func (GitHubOIDC) Kind() string { return "GitHub Actions OIDC" }

// Kind implements Credential.
func (AzureDevOpsOIDC) Kind() string { return "Azure Pipelines OIDC" }

// Kind implements Credential.
func (ManagedIdentity) Kind() string { return "managed identity" }

// Kind implements Credential.
func (AzureCLI) Kind() string { return "Azure CLI" }

// ambient reports whether the credential belongs to the machine rather than to the configuration.
func ambient(credential Credential) bool {
	switch credential.(type) {
	case ClientSecret, ClientCertificate, OIDCToken:
		return false
	}
	return true
}

// keyPair is a certificate (its chain behind it) with its private key.
type keyPair struct {
	certificates []*x509.Certificate
	key          *rsa.PrivateKey
}
