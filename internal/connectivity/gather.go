package connectivity

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ews"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

const (
	// firstPause and longestPause bound the back-off while something is not ready. Entra may remember a sign-in that
	// failed for a minute or two (Azure/azure-workload-identity issue 273), so that haste makes it slower.
	firstPause   = 5 * time.Second
	longestPause = 30 * time.Second
	// reserve is what is kept of the time allowed for the questions that follow signing in.
	reserve = 20 * time.Second
)

// inspection asks the outside world about one connection, and fills in the facts. It judges nothing.
type inspection struct {
	services Services
	store    *store.Store
	retries  retry.Policy
	facts    checks.Facts

	app      auth.App        // with the credential in the store
	graph    entra.Directory // as the app sees it
	exchange *auth.AppSession
	ewsURL   string // that Autodiscover names, if any
}

// question is one to the outside world. It writes facts of its own.
type question struct {
	check string // that judges the answer
	ask   func()
}

// atOnce asks the questions side by side, without those whose check has something in the way.
func (i *inspection) atOnce(questions ...question) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, q := range slices.DeleteFunc(questions, func(q question) bool { return !i.facts.Runnable(q.check) }) {
		all.Go(q.ask)
	}
}

// gather fills in the facts, step by step: questions that do not depend on each other are asked at once.
func (i *inspection) gather(ctx context.Context) {
	i.atOnce(question{checks.Record, func() { i.record(ctx) }})
	i.atOnce(
		question{checks.Credential, func() { i.credential(ctx) }},
		question{checks.Credential, func() { i.grant(ctx) }},
		question{checks.Tenant, func() {
			i.facts.TenantErr = auth.Discover(ctx, i.services.Endpoints(), i.services.HTTPClient(), i.retries,
				i.facts.Connection.TenantID)
		}},
	)
	if i.facts.Runnable(checks.Token) {
		i.untilReady(ctx)
	}
}

// untilReady signs in and asks, and repeats both while the answers say "not yet" and the time allows: a token that was
// taken before a consent keeps lacking its roles.
func (i *inspection) untilReady(ctx context.Context) {
	ready := i.retries
	ready.InitialBackoff, ready.MaxBackoff, ready.NoJitter = firstPause, longestPause, true
	ready.Notify = tfvalidate.LogPauses("Not ready yet: something was changed in the last half hour, and Entra may not " +
		"have heard of it")
	run := ready.Start()
	again := func() bool {
		reason := i.facts.Propagating()
		return reason != "" && run.Wait(ctx, retry.UntilDeadline(errors.New(reason))) == nil
	}
	for {
		i.facts.Answers = checks.Answers{}
		i.signIn(ctx)
		if again() {
			continue
		}
		i.atOnce(
			question{checks.Organization, func() { i.facts.Organization, i.facts.OrganizationErr = i.graph.Organization(ctx) }},
			question{checks.Mailbox, func() { i.facts.User, i.facts.UserErr = i.graph.User(ctx, i.facts.Connection.Mailbox) }},
			question{checks.EWS, func() { i.openMailbox(ctx) }},
		)
		i.askHolders(ctx)
		if !again() {
			return
		}
	}
}

// record reads the connection.
func (i *inspection) record(ctx context.Context) {
	tenantID, mailbox, _ := store.CutID(i.facts.ConnectionID)
	connection, err := i.store.Connection(ctx, tenantID, mailbox, 0)
	if i.facts.ConnectionErr = err; err == nil {
		i.facts.Connection = &connection
	}
}

// grant reads in the store's journal when the app was made or changed.
func (i *inspection) grant(ctx context.Context) {
	journal, err := i.store.RegistrationOf(ctx, i.facts.Connection.TenantID, i.facts.Connection.ClientID)
	if err != nil {
		return // somebody registered it by hand, or the journal is unreadable
	}
	i.facts.GrantedAt = *cmp.Or(journal.CompletedAt, &journal.StartedAt)
}

// credential opens what the app proves itself with. For a certificate that takes its private key, which may well be
// elsewhere: where CodeTwo runs.
func (i *inspection) credential(ctx context.Context) {
	c, facts := i.facts.Connection, &i.facts.Credential
	i.app = auth.App{TenantID: c.TenantID, ClientID: c.ClientID}
	if c.CredentialType == store.CredentialClientSecret {
		i.app.ClientSecret, facts.Err = i.store.ClientSecret(ctx, *c)
		return
	}
	held, err := i.store.HasKeyPair(ctx, c.TenantID, c.CertificateThumbprint)
	if err != nil {
		facts.Err = err
		return
	}
	facts.Certificate, err = i.store.Certificate(ctx, c.TenantID, c.CertificateThumbprint)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		facts.Err = err
		return
	}
	if facts.KeyMissing = !held; !held {
		return
	}
	pair, err := i.store.KeyPair(ctx, c.TenantID, c.CertificateThumbprint)
	if facts.Err = err; err == nil {
		i.app.Certificate, i.app.Key = pair.Certificate, pair.Key
		facts.Certificate = pair.Certificate
	}
}

// signIn takes a token for each API, with a session of its own: Microsoft's client library asks for the tokens of one
// session one after the other. Meanwhile Autodiscover is asked where EWS is, unless it was before.
func (i *inspection) signIn(ctx context.Context) {
	graph, exchange := auth.GraphScope(i.services.Endpoints()), auth.ExchangeScope(i.services.Endpoints())
	i.atOnce(
		question{checks.Token, func() {
			session, facts := i.take(ctx, graph)
			i.graph, i.facts.Graph = i.services.AppDirectory(tokens(session, graph)), facts
		}},
		question{checks.Token, func() { i.exchange, i.facts.Exchange = i.take(ctx, exchange) }},
		question{checks.Token, func() {
			if i.facts.Requested(checks.EWS) && i.ewsURL == "" && i.facts.EWSURLErr == nil {
				// It can be done without: the mailbox itself, which may be busy as well, says more. No token is sent.
				client := ews.New(i.services.Endpoints().Exchange, i.services.HTTPClient(), i.retries.ReserveHalf(ctx), nil)
				i.ewsURL, i.facts.EWSURLErr = client.EWSURL(ctx, i.facts.Connection.Mailbox)
			}
		}},
	)
}

// take takes a token. The session is nil if it got no token.
func (i *inspection) take(ctx context.Context, scope string) (*auth.AppSession, checks.TokenFacts) {
	session, err := auth.NewApp(i.app, i.services.Endpoints(), i.services.HTTPClient(), i.retries)
	var token auth.Token
	if err == nil {
		token, err = session.Token(ctx, scope)
	}
	if err != nil {
		return nil, checks.TokenFacts{Taken: true, Err: err}
	}
	roles, err := auth.Roles(token.Value)
	return session, checks.TokenFacts{Taken: true, Roles: roles, RolesErr: err}
}

// askHolders asks who else needs an entry on EWS's allow list, where Exchange refuses EWS as such and the app may read
// the directory: one request, and one more for every twenty of them. A failure changes no verdict.
func (i *inspection) askHolders(ctx context.Context) {
	if !i.facts.EWSGateClosed() || !i.facts.ReadsDirectory() {
		return
	}
	if held, err := i.graph.RoleHolders(ctx, ewsaccess.Role, i.facts.Connection.ClientID); err == nil {
		i.facts.Holders = held
	}
}

// openMailbox opens the mailbox and, where they are migrated, the public folders. Autodiscover's silence does not
// stop it: the address that every tenant has is tried then, whose answer says more.
func (i *inspection) openMailbox(ctx context.Context) {
	facts, endpoints := &i.facts, i.services.Endpoints()
	if errors.Is(facts.EWSURLErr, ews.ErrOtherOrigin) {
		return
	}
	mailbox := facts.Connection.Mailbox
	client := ews.New(endpoints.Exchange, i.services.HTTPClient(), i.retries,
		tokens(i.exchange, auth.ExchangeScope(endpoints))).
		Renewing(i.exchange.Forget)
	address := cmp.Or(i.ewsURL, client.DefaultEWSURL())
	migrated := facts.Requested(checks.PublicFolders)
	var route ews.Route
	var both sync.WaitGroup
	both.Go(func() { _, facts.EWSErr = client.Folder(ctx, address, mailbox, ews.Inbox, ews.Route{}) })
	if migrated {
		both.Go(func() { route, facts.PublicFolderRouteErr = client.PublicFolderRoute(ctx, mailbox) })
	}
	both.Wait()
	// Whether the check of public folders is possible takes facts that other questions still write.
	if migrated && facts.EWSErr == nil {
		var root ews.PublicFolder
		root, facts.Subfolders = client.PublicFolders(ctx, address, mailbox, facts.Connection.PublicFolderPaths, route)
		facts.PublicFolders, facts.PublicFoldersErr = root.Folder, root.Err
	}
}

// tokens gives the token of a session, a new one where it has ended.
func tokens(session *auth.AppSession, scope string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		token, err := session.Token(ctx, scope)
		return token.Value, err
	}
}
