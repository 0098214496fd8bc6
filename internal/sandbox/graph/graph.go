// Package graph simulates Microsoft Graph: applications, service principals, grants, deleted items, users, groups,
// policies and batch requests.
package graph

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/odata"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/token"
)

// Application permissions, as the roles claim names them.
const (
	appReadAll       = "Application.Read.All"
	appReadWriteAll  = "Application.ReadWrite.All"
	appOwnedBy       = "Application.ReadWrite.OwnedBy"
	appCreate        = "AppRegistration.Create"
	grantWriteAll    = "AppRoleAssignment.ReadWrite.All"
	delegatedWrite   = "DelegatedPermissionGrant.ReadWrite.All"
	directoryRead    = "Directory.Read.All"
	directoryWrite   = "Directory.ReadWrite.All"
	organizationRead = "Organization.Read.All"
	domainRead       = "Domain.Read.All"
	userRead         = "User.Read.All"
	userWrite        = "User.ReadWrite.All"
	userReadBasic    = "User.ReadBasic.All"
	policyRead       = "Policy.Read.All"

	userCreate        = "User.Create"
	userDeleteRestore = "User.DeleteRestore.All"
	userPassword      = "User-PasswordProfile.ReadWrite.All"
	userEnable        = "User.EnableDisableAccount.All"
	userPhone         = "User-Phone.ReadWrite.All"
	userOtherMail     = "User-Mail.ReadWrite.All"

	groupCreate     = "Group.Create"
	groupRead       = "Group.Read.All"
	groupWrite      = "Group.ReadWrite.All"
	membershipRead  = "GroupMember.Read.All"
	membershipWrite = "GroupMember.ReadWrite.All"
	roleWrite       = "RoleManagement.ReadWrite.Directory"
	policyWrite     = "Policy.ReadWrite.ApplicationConfiguration"
)

// Versions of Graph, as a path names them.
const (
	stableVersion = "v1.0"
	betaVersion   = "beta"
)

// betaPaths are what there is of the beta: what HashiCorp's azuread provider uses there because v1.0 does not have it,
// or once did not.
var betaPaths = []string{
	"applications/{application}",
	"servicePrincipals/{principal}",
	"users/{user}",
	"groups",
	"groups/{group}",
	"groups/{group}/members",
	"groups/{group}/members/$ref",
	"groups/{group}/members/{member}/$ref",
	"groups/{group}/owners",
	"groups/{group}/owners/$ref",
	"groups/{group}/owners/{owner}/$ref",
	"groups/{group}/memberOf",
	"groups/{group}/transitiveMembers",
	"applications/{application}/federatedIdentityCredentials",
	"applications/{application}/federatedIdentityCredentials/{credential}",
}

// API is Microsoft Graph over the tenants of a world.
type API struct {
	world  *tenant.World
	issuer *token.Issuer
	origin string             // where it is served, without a slash at the end
	routes map[string][]route // by version
	parts  http.Handler       // serves the parts of a batch
}

// New returns an API that is served at an origin, such as https://127.0.0.1:8443.
func New(world *tenant.World, issuer *token.Issuer, origin string) *API {
	all := slices.Concat(
		applicationRoutes, credentialRoutes, rollRoutes, ownerRoutes, servicePrincipalRoutes, grantRoutes,
		deletedItemRoutes, tenantRoutes, userRoutes, groupRoutes, directoryObjectRoutes, policyRoutes, delegatedRoutes,
		templateRoutes, logoRoutes, federatedRoutes, claimsPolicyRoutes,
	)
	routes := map[string][]route{
		stableVersion: all,
		betaVersion: slices.DeleteFunc(slices.Clone(all), func(r route) bool {
			return !slices.Contains(betaPaths, r.path)
		}),
	}
	return &API{world: world, issuer: issuer, origin: origin, routes: routes}
}

// Routes serves Graph on mux. Each part of a batch passes through around.
func (a *API) Routes(mux *http.ServeMux, around func(http.Handler) http.Handler) {
	a.parts = around(http.HandlerFunc(a.serve))
	mux.HandleFunc("/"+stableVersion+"/", a.serve)
	mux.HandleFunc("/"+stableVersion+"/$batch", a.serveBatch)
	mux.HandleFunc("/"+betaVersion+"/", a.serve)
	mux.HandleFunc("GET "+logoPath+"{tenant}/{application}/{logo}", a.serveLogo)
}

// Owns reports whether a path is one of Graph's.
func Owns(path string) bool {
	return strings.HasPrefix(path, "/"+stableVersion+"/") || strings.HasPrefix(path, "/"+betaVersion+"/")
}

// call is a request to Graph whose token and rights are in order. It holds the tenant.
type call struct {
	api     *API
	tenant  *tenant.Tenant
	token   *token.AccessToken
	w       http.ResponseWriter
	r       *http.Request
	version string
	keys    map[string]key
	query   odata.Query
	ownOnly bool // the caller's only right is to objects that it owns
	tenant.Views
}

// serve answers one request, alone or as a part of a batch.
func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	setHeaders(w, r)
	if failure := a.carryOut(w, r); failure != nil {
		tenant.NotesOf(r).Code = failure.code
		a.writeError(w, failure)
	}
}

func (a *API) carryOut(w http.ResponseWriter, r *http.Request) *apiError {
	token, t, failure := a.caller(r)
	if failure != nil {
		return failure
	}
	version, below, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	path, failure := parsePath(below)
	if failure != nil {
		return failure
	}
	found, keys, failure := a.findRoute(version, r.Method, path)
	if failure != nil {
		return failure
	}
	tenant.NotesOf(r).Meaning = found.meaning(r)
	if len(found.rights) > 0 && !slices.ContainsFunc(found.rights, token.HasRole) {
		return denied()
	}
	c := &call{api: a, tenant: t, token: token, w: w, r: r, version: version, keys: keys}
	c.ownOnly = ownOnly(found.rights, token)
	var err error
	if c.query, err = odata.Parse(r); err != nil {
		return queryRefusal(err)
	}
	cost := resourceUnits(found, c.query)
	w.Header().Set("x-ms-resource-unit", strconv.Itoa(cost))
	t.Lock()
	defer t.Unlock()
	if failure := c.throttled(cost, !found.reads()); failure != nil {
		return failure
	}
	c.Views = a.world.ViewsOf(r, t)
	if found.reads() {
		a.world.NoteView(r, "objects", c.Reads)
	} else {
		a.world.NoteView(r, "references", c.Refers)
	}
	began := a.world.Now()
	t.TakeWrites() // of nobody who is logged
	failure = found.serve(c)
	tenant.NotesOf(r).Writes = t.TakeWrites()
	if failure == nil && !found.reads() {
		t.History.Note(began)
	}
	return failure
}

// caller verifies the token. The tenant is always the token's.
func (a *API) caller(r *http.Request) (*token.AccessToken, *tenant.Tenant, *apiError) {
	token, fault := a.issuer.Verify(r.Header.Get("Authorization"))
	if fault != nil {
		return nil, nil, unauthenticated(tokenErrors[fault.Reason])
	}
	t, found := a.world.Find(token.TenantID)
	// Programs that learned of the sandbox by the cloud metadata know Graph by the sandbox's own origin.
	if audience := strings.TrimRight(token.Audience, "/"); !found ||
		audience != tenant.GraphAudience && audience != a.origin && audience != tenant.GraphAppID {
		return nil, nil, unauthenticated(wrongAudience)
	}
	tenant.NoteTenant(r, t.ID)
	tenant.NotesOf(r).Caller = token.Asker()
	return token, t, nil
}

// setHeaders sets what every answer of Graph has, as seen in one of the real thing.
func setHeaders(w http.ResponseWriter, r *http.Request) {
	requestID := uuid.NewString()
	clientRequestID := r.Header.Get("client-request-id")
	if uuid.Validate(clientRequestID) != nil {
		clientRequestID = requestID
	}
	header := w.Header()
	header.Set("Cache-Control", "no-cache")
	header.Set("Strict-Transport-Security", "max-age=31536000")
	header.Set("request-id", requestID)
	header.Set("client-request-id", clientRequestID)
	header.Set("x-ms-ags-diagnostic",
		`{"ServerInfo":{"DataCenter":"Sandbox","Slice":"E","Ring":"5","ScaleUnit":"000","RoleInstance":"SANDBOX"}}`)
}

// dearPaths are reads that cost more than one resource unit; those of applications and users cost two.
var dearPaths = map[string]int{
	getByIDs: 5, "groups/{group}/members": 3, "groups/{group}/transitiveMembers": 5,
	"servicePrincipals/{principal}/appRoleAssignments": 2,
}

// resourceUnits is what a request costs of the caller's quota (Microsoft Graph: throttling limits, identity and
// access).
func resourceUnits(found route, q odata.Query) int {
	if !found.reads() {
		return 1
	}
	units := max(dearPaths[found.path], 1)
	if first, _, _ := strings.Cut(found.path, "/"); first == "applications" || first == "users" {
		units = 2
	}
	if len(q.Selected) > 0 {
		units--
	}
	if q.Top > 0 && q.Top < 20 {
		units--
	}
	return max(units, 1)
}

// now is the tenants' time in the precision that Graph has.
func (c *call) now() time.Time { return c.api.world.Now().UTC().Truncate(time.Second) }

// ownOnly reports whether the caller has no other of some rights than that to its own objects.
func ownOnly(rights []string, caller *token.AccessToken) bool {
	return !slices.ContainsFunc(rights, func(right string) bool { return right != appOwnedBy && caller.HasRole(right) })
}

// mine refuses an object of somebody else's to a caller who may only touch its own.
func (c *call) mine(owners []string) *apiError {
	if c.ownOnly && !slices.Contains(owners, c.token.ServicePrincipalID) {
		return denied()
	}
	return nil
}

// maxRequest bounds a request's body, in bytes.
const maxRequest = 4 << 20

// body reads the JSON object of a request. No body is an empty object.
func (c *call) body() (map[string]json.RawMessage, *apiError) {
	content, err := io.ReadAll(http.MaxBytesReader(nil, c.r.Body, maxRequest))
	unreadable := refuse(badSyntax,
		"Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	if err != nil {
		return nil, unreadable
	}
	if len(content) == 0 {
		return map[string]json.RawMessage{}, nil
	}
	if c.r.Header.Get("Content-Type") == "" {
		return nil, refuse(badSyntax, "Write requests (excluding DELETE) must contain the Content-Type header declaration.")
	}
	if kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, unreadable
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(content, &object); err != nil || object == nil {
		return nil, unreadable
	}
	return object, nil
}

// object is an entity as it goes out.
type object = odata.Object

// link makes an absolute address below the version.
func (c *call) link(format string, particulars ...any) string {
	return c.api.origin + "/" + c.version + "/" + fmt.Sprintf(format, particulars...)
}

// one answers with one entity of a collection, reduced to what was selected.
func (c *call) one(status int, collection string, entity object, selectable object) *apiError {
	context := collection
	if c.r.Method == http.MethodGet && len(c.query.Selected) > 0 {
		if err := c.query.CheckSelected(selectable); err != nil {
			return queryRefusal(err)
		}
		entity = c.query.Reduced(entity)
		context = c.query.Context(context)
	}
	entity["@odata.context"] = c.link("$metadata#%s/$entity", context)
	return c.write(status, entity)
}

// created answers with a new directory object.
func (c *call) created(collection, directoryClass string, entity object) *apiError {
	c.w.Header().Set("Location", fmt.Sprintf("%s/v2/%s/directoryObjects/%v/Microsoft.DirectoryServices.%s",
		c.api.origin, c.tenant.ID, entity["id"], directoryClass))
	return c.one(http.StatusCreated, collection, entity, nil)
}

func (c *call) write(status int, body object) *apiError {
	content, err := json.Marshal(body)
	if err != nil {
		return &apiError{status: http.StatusInternalServerError, code: "Service_InternalServerError", message: err.Error()}
	}
	c.w.Header().Set("Content-Type",
		"application/json; odata.metadata=minimal; odata.streaming=true; IEEE754Compatible=false; charset=utf-8")
	c.w.Header().Set("OData-Version", "4.0")
	c.w.WriteHeader(status)
	_, _ = c.w.Write(content) // into memory
	return nil
}

func (c *call) noContent() *apiError {
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// decoded reads a property's value. A null leaves the zero value.
func decoded[T any](property, resource string, raw json.RawMessage) (T, *apiError) {
	var value T
	if json.Unmarshal(raw, &value) != nil {
		return value, invalidValue(property, resource)
	}
	return value, nil
}

// timestamp writes a time as Graph does; the zero time is null.
func timestamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// text writes an unset text as null.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}
