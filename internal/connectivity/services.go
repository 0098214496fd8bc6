// Package connectivity implements the codetwo_target_connectivity data source: it signs in as the connection's app,
// queries Entra and Exchange, and reports the results of package checks.
package connectivity

import (
	"context"
	"net/http"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// Services is what the data source needs of the provider.
type Services interface {
	// AppDirectory is the directory of the tenant whose tokens it is given, with the rights of the app that they are for.
	AppDirectory(token func(context.Context) (string, error)) entra.Directory
	// Store is where the connection and its credential are kept. Its error says what to configure.
	Store() (*store.Store, error)
	// StoreUnknown reports whether the store's settings are unknown while planning.
	StoreUnknown() bool
	// UnknownCloud names the provider's attributes of where requests go that are not known while planning. HTTPClient
	// carries no request meanwhile. Whom the provider signs in as does not matter here.
	UnknownCloud() []string
	// Endpoints are the origins of the cloud.
	Endpoints() auth.Endpoints
	// HTTPClient follows no redirect, and trusts what the provider was told to trust.
	HTTPClient() *http.Client
	// Now is the time.
	Now() time.Time
	// Retries is how a busy service is waited for.
	Retries() retry.Policy
}
