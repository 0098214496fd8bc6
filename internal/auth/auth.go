// Package auth gets access tokens from Entra: for the identity that runs the provider, and for the application that the
// provider registers. It explains Entra's refusals with remedies, and finds tenants. It is the only package that
// imports azidentity, and it holds the cloud's origins and the HTTP client that sends requests to them.
package auth

import "time"

// Endpoints are the origins of the three services, each https, without a path and without a slash at its end.
type Endpoints struct {
	Login    string // Entra's sign-in service
	Graph    string // Microsoft Graph
	Exchange string // Exchange Online: EWS and Autodiscover
}

// GlobalEndpoints are those of the worldwide cloud, the only one that CodeTwo Office 365 Migration connects to.
func GlobalEndpoints() Endpoints {
	return Endpoints{
		Login:    "https://login.microsoftonline.com",
		Graph:    "https://graph.microsoft.com",
		Exchange: "https://outlook.office365.com",
	}
}

// Global reports whether these are the endpoints of the worldwide cloud.
func (e Endpoints) Global() bool { return e == GlobalEndpoints() }

// GraphScope returns the scope of tokens for Microsoft Graph. A scope names an audience, not a host, so it does not
// depend on the endpoints.
func GraphScope(Endpoints) string { return "https://graph.microsoft.com/.default" }

// ExchangeScope returns the scope of tokens for Exchange Online, which does not depend on the endpoints.
func ExchangeScope(Endpoints) string { return "https://outlook.office365.com/.default" }

// Token is an access token.
type Token struct {
	Value     string
	ExpiresOn time.Time // UTC
}
