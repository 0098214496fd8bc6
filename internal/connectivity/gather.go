package connectivity

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ews"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

const (
	// firstPause and longestPause bound the back-off while something is not ready. Entra may remember a sign-in that failed
	// for a minute or two (Azure/azure-workload-identity issue 273), so that haste makes it slower.
	firstPause   = 5 * time.Second
	longestPause = 30 * time.Second
	// reserve is what is kept of the time allowed for the questions that follow signing in.
	reserve = 20 * time.Second
)

// inspection asks the outside world about one connection. It judges nothing.
type inspection struct {
	services          Services
	store             *store.Store
	retries           retry.Policy
	tenantID, mailbox string
}

// access is what the questions are put with: the app's token for Graph, empty where it got none, its session for
// Exchange, and where EWS is.
type access struct {
	graph    string
	exchange *auth.AppSession
	ews      string
}

// gather fills the facts, step by step: a question that has an obstacle is not asked. Questions that do not depend on
// each other are asked at once, each by a goroutine that writes fields of its own.
func (i *inspection) gather(ctx context.Context, facts checks.Facts) checks.Facts {
	if facts.Obstacle(checks.Record) == "" {
		connection, err := i.store.Connection(ctx, i.tenantID, i.mailbox)
		if facts.ConnectionErr = err; err == nil {
			facts.Connection = &connection
		}
	}
	var app auth.App
	credential, tenant := facts.Obstacle(checks.Credential) == "", facts.Obstacle(checks.Tenant) == ""
	var first errgroup.Group
	if credential {
		connection := *facts.Connection
		first.Go(func() error {
			app, facts.Credential = i.credential(ctx, connection)
			facts.GrantedAt = i.grantedAt(ctx, connection)
			return nil
		})
	}
	if tenant {
		tenantID := facts.Connection.TenantID
		first.Go(func() error {
			facts.TenantErr = auth.Discover(ctx, i.services.Endpoints(), i.services.HTTPClient(), i.retries, tenantID)
			return nil
		})
	}
	_ = first.Wait() // errors are facts

	if facts.Obstacle(checks.Token) != "" {
		return facts
	}
	return i.untilReady(ctx, facts, app)
}

// untilReady signs in and asks, and repeats both while the answers say "not yet" and the time allows: a token that was taken
// before a consent keeps lacking its roles.
func (i *inspection) untilReady(ctx context.Context, facts checks.Facts, app auth.App) checks.Facts {
	var with access
	var both errgroup.Group
	if !slices.Contains(facts.Skip, checks.EWS) { // which takes no token
		// It can be done without: the mailbox itself, which may be busy as well, says more.
		client := ews.New(i.services.Endpoints().Exchange, i.services.HTTPClient(), i.retries.Half(ctx), bearer(""))
		both.Go(func() error {
			with.ews, facts.EWSURLErr = client.EWSURL(ctx, i.mailbox)
			return nil
		})
	}
	ready := i.retries
	ready.First, ready.Longest, ready.Steady = firstPause, longestPause, true
	ready.Notify = tfvalidate.LogPauses("Not ready yet: something was changed in the last half hour, and Entra may not have heard of it")
	for run := ready.Start(); ; {
		both.Go(func() error {
			with.graph, with.exchange, facts.Graph, facts.Exchange = i.signIn(ctx, app)
			return nil
		})
		_ = both.Wait()
		if reason := facts.NotYet(); reason != "" && run.Again(ctx, retry.Until(errors.New(reason))) == nil {
			continue
		}
		answered := i.lookAround(ctx, i.ask(ctx, facts, with), with)
		if reason := answered.NotYet(); reason == "" || run.Again(ctx, retry.Until(errors.New(reason))) != nil {
			return answered
		}
	}
}

// grantedAt is when the store's journal says that the app was made or changed, or zero.
func (i *inspection) grantedAt(ctx context.Context, c store.Connection) time.Time {
	journal, err := i.store.RegistrationOf(ctx, c.TenantID, c.ClientID)
	switch {
	case err != nil:
		return time.Time{} // somebody registered it by hand, or the journal is unreadable
	case journal.CompletedAt == nil:
		return journal.StartedAt
	default:
		return *journal.CompletedAt
	}
}

// credential opens what the app proves itself with. For a certificate that takes its private key, which may well be
// elsewhere: where CodeTwo runs.
func (i *inspection) credential(ctx context.Context, c store.Connection) (auth.App, checks.CredentialFacts) {
	app := auth.App{TenantID: c.TenantID, ClientID: c.ClientID}
	var facts checks.CredentialFacts
	if c.CredentialType == "client_secret" {
		app.ClientSecret, facts.Err = i.store.ClientSecret(ctx, c.TenantID, c.Mailbox)
		return app, facts
	}
	held, err := i.store.HasKeyPair(ctx, c.TenantID, c.CertificateThumbprint)
	if err != nil {
		facts.Err = err
		return app, facts
	}
	facts.Certificate, err = i.store.Certificate(ctx, c.TenantID, c.CertificateThumbprint)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		facts.Err = err
		return app, facts
	}
	if facts.KeyMissing = !held; !held {
		return app, facts
	}
	pair, err := i.store.KeyPair(ctx, c.TenantID, c.CertificateThumbprint)
	if facts.Err = err; err == nil {
		app.Certificate, app.Key = pair.Certificate, pair.Key
		facts.Certificate = pair.Certificate
	}
	return app, facts
}

// signIn takes a token for each API, with a session of its own: Microsoft's client library asks for the tokens of one
// session one after the other.
func (i *inspection) signIn(ctx context.Context, app auth.App) (graphToken string, exchangeSession *auth.AppSession, graph, exchange checks.TokenFacts) {
	endpoints := i.services.Endpoints()
	take := func(scope string) (*auth.AppSession, string, checks.TokenFacts) {
		session, err := auth.NewApp(app, endpoints, i.services.HTTPClient(), i.retries)
		var token auth.Token
		if err == nil {
			token, err = session.Token(ctx, scope)
		}
		if err != nil {
			return nil, "", checks.TokenFacts{Taken: true, Err: err}
		}
		roles, err := auth.Roles(token.Value)
		return session, token.Value, checks.TokenFacts{Taken: true, Roles: roles, RolesErr: err}
	}
	var both errgroup.Group
	both.Go(func() error { _, graphToken, graph = take(auth.GraphScope(endpoints)); return nil })
	both.Go(func() error { exchangeSession, _, exchange = take(auth.ExchangeScope(endpoints)); return nil })
	_ = both.Wait()
	return graphToken, exchangeSession, graph, exchange
}

// ask puts the questions that take a token.
func (i *inspection) ask(ctx context.Context, facts checks.Facts, with access) checks.Facts {
	known := facts // what the obstacles are judged by, while the goroutines write
	connection := *facts.Connection
	directory := i.services.AppDirectory(connection.TenantID, bearer(with.graph))
	var all errgroup.Group
	if known.Obstacle(checks.Organization) == "" {
		all.Go(func() error {
			facts.Organization, facts.OrganizationErr = directory.Organization(ctx)
			return nil
		})
	}
	if known.Obstacle(checks.Mailbox) == "" {
		all.Go(func() error {
			facts.User, facts.UserErr = directory.User(ctx, connection.Mailbox)
			return nil
		})
	}
	if known.Obstacle(checks.EWS) == "" && !errors.Is(known.EWSURLErr, ews.ErrOtherOrigin) {
		all.Go(func() error {
			found := i.open(ctx, known, connection, with)
			facts.EWSErr = found.EWSErr
			facts.PublicFolderRouteErr, facts.PublicFolders, facts.PublicFoldersErr = found.PublicFolderRouteErr, found.PublicFolders, found.PublicFoldersErr
			facts.Subfolders = found.Subfolders
			return nil
		})
	}
	_ = all.Wait()
	return facts
}

// lookAround asks who else needs an entry on EWS's allow list, where Exchange refuses EWS as such and the app may read the
// directory: one request, and one more for every twenty of them. A failure changes no verdict.
func (i *inspection) lookAround(ctx context.Context, facts checks.Facts, with access) checks.Facts {
	if facts.Obstacle(checks.EWS) != "" || !facts.EWSGateClosed() || with.graph == "" || !facts.ReadsDirectory() {
		return facts
	}
	held, err := i.services.AppDirectory(facts.Connection.TenantID, bearer(with.graph)).RoleHolders(ctx, ewsaccess.Role, facts.Connection.ClientID)
	if err == nil {
		facts.Holders = held
	}
	return facts
}

// open opens the mailbox and, where they are migrated, the public folders. Autodiscover's silence is no obstacle: the
// address that every tenant has is tried then, whose answer says more.
func (i *inspection) open(ctx context.Context, facts checks.Facts, connection store.Connection, with access) checks.Facts {
	endpoints := i.services.Endpoints()
	client := ews.New(endpoints.Exchange, i.services.HTTPClient(), i.retries, func(ctx context.Context) (string, error) {
		token, err := with.exchange.Token(ctx, auth.ExchangeScope(endpoints))
		return token.Value, err
	}).Renewing(with.exchange.Forget)
	address := with.ews
	if facts.EWSURLErr != nil {
		address = client.DefaultEWSURL()
	}
	var route ews.Route
	var both errgroup.Group
	both.Go(func() error {
		_, facts.EWSErr = client.Folder(ctx, address, connection.Mailbox, ews.Inbox, ews.Route{})
		return nil
	})
	if connection.MigratePublicFolders && !slices.Contains(facts.Skip, checks.PublicFolders) {
		both.Go(func() error {
			route, facts.PublicFolderRouteErr = client.PublicFolderRoute(ctx, connection.Mailbox)
			return nil
		})
	}
	_ = both.Wait()
	if facts.Obstacle(checks.PublicFolders) == "" {
		var root ews.PublicFolder
		root, facts.Subfolders = client.PublicFolders(ctx, address, connection.Mailbox, connection.PublicFolderPaths, route)
		facts.PublicFolders, facts.PublicFoldersErr = root.Folder, root.Err
	}
	return facts
}

func bearer(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}
