// Package appregistration implements the codetwo_target_app_registration resource and list resource, and the
// codetwo_target_app_registrations data source.
package appregistration

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/registration"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// Services is what the resource needs of the provider.
type Services interface {
	// TenantID is the provider's own tenant: known, null or, while planning, unknown.
	TenantID() types.String
	// Unknown names the provider's attributes that are not known while planning.
	Unknown() []string
	// Directory is a tenant's directory, seen with the rights of whom the provider signed in as.
	Directory(tenantID string) entra.Directory
	// Store is where journal and keys are kept. Its error says what to configure.
	Store() (*store.Store, error)
	// FirstTime reports whether something is done for the first time in this process.
	FirstTime(what string) bool
	// StoreUnknown tells that the store's settings are not known while planning.
	StoreUnknown() bool
	// SkipRefusedTenants reports whether a tenant that refuses the caller is skipped.
	SkipRefusedTenants() bool
	// SignIn signs the caller in to a tenant.
	SignIn(ctx context.Context, tenantID string) error
	// SkipsTenant reports whether err is the tenant refusing the caller and skip_refused_tenants is set.
	SkipsTenant(ctx context.Context, tenantID string, err error) bool
	// Endpoints are the origins of the cloud.
	Endpoints() auth.Endpoints
	// Now is the time.
	Now() time.Time
	// NameLocks are the display names that this provider has given, and what it has deleted.
	NameLocks() *registration.NameLocks
	// Retries is how the replicas of a directory are waited for.
	Retries() retry.Policy
}

// servicesOf returns what the provider offers; nil while the provider is not configured, as during validation.
func servicesOf(providerData any, name string, diags *diag.Diagnostics) Services {
	services, ok := providerData.(Services)
	if !ok && providerData != nil {
		diags.AddError("Unexpected provider data", fmt.Sprintf(
			"%s was given %T. This is a bug in the provider.", name, providerData))
	}
	return services
}
