package graph

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// route is one operation of Graph.
type route struct {
	method string
	path   string // segments; {name} stands for a key
	// application permissions, of which one is enough (Microsoft Graph: permissions of the operation); none: the handler
	// decides
	rights []string
	serve  func(*call) *apiError
}

// reads reports whether the operation changes nothing.
func (r route) reads() bool { return r.method == http.MethodGet || r.path == getByIDs }

// key is how a request names an object: by its ID, or by the value of another property that is unique.
type key struct {
	property string // id, appId or uniqueName
	value    string
}

// segment is one part of a request's path, such as applications, or the key of (uniqueName='x').
type segment struct {
	name  string
	keyed bool
	key   key
}

// keyedSegment is a name with a key in parentheses: with a property's name, or of the ID without it.
var keyedSegment = regexp.MustCompile(`^([A-Za-z]+)\((?:([A-Za-z]+)=)?'(.*)'\)$`)

// parsePath splits the path of a request below the version. A key in parentheses becomes a segment of its own, since it
// is another way to write the same thing (OData 4.01, URL Conventions 4.3).
func parsePath(escaped string) ([]segment, *apiError) {
	var segments []segment
	for _, part := range strings.Split(strings.Trim(escaped, "/"), "/") {
		text, err := url.PathUnescape(part)
		if err != nil {
			return nil, refuse(badSyntax, "Bad Request - Error in query syntax.")
		}
		found := keyedSegment.FindStringSubmatch(text)
		if found == nil {
			// Type casts are taken by either name of the namespace.
			segments = append(segments, segment{name: strings.TrimPrefix(text, "microsoft."), key: key{"id", text}})
			continue
		}
		property := found[2]
		if property == "" {
			property = "id"
		}
		segments = append(segments, segment{name: found[1]},
			segment{keyed: true, key: key{property, strings.ReplaceAll(found[3], "''", "'")}})
	}
	return segments, nil
}

// match compares a path with the route's, and returns the keys in it by their names.
func (r route) match(path []segment) (map[string]key, bool) {
	pattern := strings.Split(r.path, "/")
	if len(pattern) != len(path) {
		return nil, false
	}
	keys := map[string]key{}
	for i, want := range pattern {
		switch {
		case strings.HasPrefix(want, "{"):
			keys[strings.Trim(want, "{}")] = path[i].key
		case path[i].keyed || !strings.EqualFold(want, path[i].name):
			return nil, false
		}
	}
	return keys, true
}

// findRoute returns the route of a request. Routes are tried in their order, so a literal segment precedes a key.
func (a *API) findRoute(version, method string, path []segment) (route, map[string]key, *apiError) {
	known := false
	for _, candidate := range a.routes[version] {
		keys, matches := candidate.match(path)
		if matches && candidate.method == method {
			return candidate, keys, nil
		}
		known = known || matches
	}
	if known {
		return route{}, nil, &apiError{status: http.StatusMethodNotAllowed, code: badRequest,
			message: "Specified HTTP method is not allowed for the request target."}
	}
	return route{}, nil, refuse(badSyntax, "Resource not found for the segment '%s'.", path[len(path)-1].name)
}

// knows reports whether the replica that carries a request out has the object already. A read is told by its view; an
// upsert by a unique property looks it up where nothing lags, or it would be no safe way to create (unconfirmed).
func knows[T any](c *call, rows *tenant.Table[T], id string) bool {
	if c.r.Method == http.MethodGet || c.prefersUpsert() {
		return true
	}
	_, found := rows.Get(c.Refers, id)
	return found
}

// meaning says in words what a request to the route asks for, such as "change application".
func (r route) meaning(request *http.Request) string {
	segments := strings.Split(strings.TrimSuffix(r.path, "/$ref"), "/")
	last := len(segments) - 1
	keyed := strings.HasPrefix(segments[last], "{")
	if keyed {
		last--
	}
	object := words(segments[last])
	first, _, _ := strings.Cut(object, " ")
	var text string
	switch {
	case r.path == getByIDs:
		text = "read objects"
	case request.Method == http.MethodPost && slices.Contains(actions, first):
		text = object
	case request.Method == http.MethodPatch && request.Header.Get("Prefer") == "create-if-missing":
		text = "create or change " + singular(object)
	case request.Method != http.MethodGet:
		text = verbs[request.Method] + " " + singular(object)
	case keyed:
		text = "read " + singular(object)
	default:
		text = "read " + object
	}
	if last > 1 && strings.HasPrefix(segments[last-1], "{") {
		text += " of " + singular(words(segments[last-2]))
	}
	return text
}

// actions are the words that the names of Graph's actions begin with.
var actions = []string{"add", "remove", "get", "restore", "instantiate"}

var verbs = map[string]string{
	http.MethodPost: "add", http.MethodPatch: "change", http.MethodPut: "set", http.MethodDelete: "remove",
}

// shortNames are the segments of paths that have a shorter name.
var shortNames = map[string]string{
	"appRoleAssignments": "grants", "appRoleAssignedTo": "grants", "oauth2PermissionGrants": "delegated grants",
	"federatedIdentityCredentials": "federated credentials",
	"memberOf":                     "memberships",
}

// words takes a name of Graph's apart: servicePrincipals is "service principals".
func words(name string) string {
	if short, known := shortNames[name]; known {
		return short
	}
	if deleted, ok := strings.CutPrefix(name, "graph."); ok {
		return "deleted " + words(deleted) + "s"
	}
	var text strings.Builder
	for _, letter := range name {
		if unicode.IsUpper(letter) {
			text.WriteByte(' ')
		}
		text.WriteRune(unicode.ToLower(letter))
	}
	return text.String()
}

func singular(words string) string {
	if stem, ok := strings.CutSuffix(words, "ies"); ok {
		return stem + "y"
	}
	return strings.TrimSuffix(words, "s")
}
