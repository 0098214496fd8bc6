package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/appregistration"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/connection"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/connectivity"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/registration"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

var (
	_ appregistration.Services = (*services)(nil)
	_ connection.Services      = (*services)(nil)
	_ connectivity.Services    = (*services)(nil)
)

// services is what resources and data sources get of the provider. Each of them declares the methods that it uses.
type services struct {
	tenantID types.String
	// Attributes that are not known while planning: of where requests go, and of who signs in.
	unknownCloud, unknownCaller []string
	endpoints                   auth.Endpoints
	client                      *http.Client
	caller                      *auth.Caller // nil while something is unknown
	skipRefusedTenants          bool
	now                         func() time.Time
	retries                     retry.Policy
	clock                       func() retry.Clock

	store     storeSettings
	openStore func() (*store.Store, error)

	nameLocks registration.NameLocks
	done      sync.Map // see FirstTime

	mu          sync.Mutex
	directories map[string]entra.Directory // the caller's, by lower-case tenant ID
}

// TenantID is the provider's own tenant: the default of every tenant_id.
func (s *services) TenantID() types.String { return s.tenantID }

// Unknown names the attributes that are not known while planning, without the store's: nobody can sign in meanwhile.
func (s *services) Unknown() []string { return slices.Concat(s.unknownCloud, s.unknownCaller) }

// UnknownCloud names those of Unknown that decide where requests go.
func (s *services) UnknownCloud() []string { return s.unknownCloud }

// StoreUnknown reports whether the store's settings are known only after apply.
func (s *services) StoreUnknown() bool { return s.store.unknown }

// SkipRefusedTenants reports whether a tenant that refuses the caller is skipped.
func (s *services) SkipRefusedTenants() bool { return s.skipRefusedTenants }

// SignIn signs the caller in to a tenant, and says why if that fails.
func (s *services) SignIn(ctx context.Context, tenantID string) error {
	_, err := s.caller.Token(ctx, tenantID, auth.GraphScope(s.endpoints))
	return err
}

// SkipsTenant reports whether err is the tenant refusing the caller and skip_refused_tenants is set. It is false where
// the caller's own tenant refuses it, too: a mistyped client ID, for one, is refused everywhere.
func (s *services) SkipsTenant(ctx context.Context, tenantID string, err error) bool {
	refused, ok := errors.AsType[*auth.Error](err)
	home := s.tenantID.ValueString()
	if !s.skipRefusedTenants || !ok || !refused.ByTenant() || home == "" || strings.EqualFold(home, tenantID) {
		return false
	}
	return s.SignIn(ctx, home) == nil
}

// Endpoints are the origins of the cloud.
func (s *services) Endpoints() auth.Endpoints { return s.endpoints }

// HTTPClient carries requests to the endpoints. It follows no redirect.
func (s *services) HTTPClient() *http.Client { return s.client }

// Now is the time.
func (s *services) Now() time.Time { return s.now() }

// Names are the display names that this provider has given to applications, and the applications that it has deleted.
func (s *services) NameLocks() *registration.NameLocks { return &s.nameLocks }

// Retries is how one operation waits for replicas, and for what is not ready yet.
func (s *services) Retries() retry.Policy {
	retries := s.retries
	retries.Clock = s.clock()
	return retries
}

// Directory is the tenant's directory, with the rights of the identity that the provider signs in as.
func (s *services) Directory(tenantID string) entra.Directory {
	key := strings.ToLower(tenantID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if directory, ok := s.directories[key]; ok {
		return directory
	}
	token := func(ctx context.Context) (string, error) {
		if s.caller == nil {
			return "", unknownError(s.Unknown())
		}
		token, err := s.caller.Token(ctx, tenantID, auth.GraphScope(s.endpoints))
		return token.Value, err
	}
	directory := s.graphDirectory(token, func(refused string) { s.caller.Forget(tenantID, refused) })
	s.directories[key] = directory
	return directory
}

// AppDirectory is a tenant's directory, with the rights of the app that the tokens are for. Which tenant it is, the
// tokens say.
func (s *services) AppDirectory(token func(context.Context) (string, error)) entra.Directory {
	return s.graphDirectory(token, nil) // a token of the app's own is judged, and not replaced
}

// Store is the connection store. Its error says what to configure, in whole sentences, to be shown as it is.
func (s *services) Store() (*store.Store, error) { return s.openStore() }

// FirstTime reports whether something is done for the first time in this process.
func (s *services) FirstTime(what string) bool {
	_, done := s.done.LoadOrStore(what, true)
	return !done
}

// openOnce opens the store at its first use, and for all: its identity is unlocked once per process.
func openOnce(settings storeSettings) func() (*store.Store, error) {
	return sync.OnceValues(func() (*store.Store, error) {
		switch {
		case settings.unknown:
			return nil, sentence(unknownError([]string{"connection_store"}))
		case settings.url == "":
			return nil, errors.New(noStore)
		}
		s, err := store.Open(settings.url, settings.passphrase)
		if err != nil {
			return nil, sentence(err)
		}
		return s, nil
	})
}

// sentence makes a whole sentence of an error, to follow other sentences.
func sentence(err error) error {
	text := err.Error()
	first, size := utf8.DecodeRuneInString(text)
	return errors.New(string(unicode.ToUpper(first)) + text[size:] + ".")
}

func unknownError(names []string) error {
	return fmt.Errorf("the provider's %s is not known while planning", strings.Join(names, ", "))
}

// refusing carries no request while it is unknown where requests go.
type refusing struct{ unknown []string }

func (r refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, unknownError(r.unknown)
}
