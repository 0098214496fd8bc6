// Package permission catalogues the application permissions that CodeTwo's app may need, with API, purpose, risk and
// evidence for each, and the permission profiles built from them.
package permission

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/guid"
)

// API is a resource application whose permissions can be granted.
type API struct {
	Name  string // as the Entra portal shows it
	AppID string // GUID, the same in every tenant
}

// The APIs that CodeTwo Office 365 Migration uses (Microsoft: "Verify first-party Microsoft applications").
var (
	Graph    = API{Name: "Microsoft Graph", AppID: "00000003-0000-0000-c000-000000000000"}
	Exchange = API{Name: "Office 365 Exchange Online", AppID: "00000002-0000-0ff1-ce00-000000000000"}
)

// Risk is the harm that the holder of the app's key can do in a tenant with a permission.
type Risk string

// Risks follow CISA's ScubaGear rating of application permissions, and our own reading where it has none.
const (
	Low      Risk = "low"
	Medium   Risk = "medium"
	High     Risk = "high"
	Critical Risk = "critical"
	Unrated  Risk = "unrated" // a permission that is not in the catalogue
)

// Permission is one application permission (app role) of an API.
type Permission struct {
	API      API
	Name     string // the role's value, such as Directory.Read.All
	ID       string // GUID of the app role
	Purpose  string // one sentence
	Risk     Risk
	Evidence string // how sure we are that CodeTwo needs it
}

// Key names the permission across APIs: "<api>/<name>".
func (p Permission) Key() string { return p.API.Name + "/" + p.Name }

// Ref is a permission as a configuration writes it: the API's name or app ID, and the permission's name.
type Ref struct{ API, Name string }

// FindAPI returns the API of that name (case-insensitively) or app ID. An app ID outside the catalogue is its own name.
func FindAPI(nameOrAppID string) (API, error) {
	for _, api := range []API{Graph, Exchange} {
		if strings.EqualFold(nameOrAppID, api.Name) || strings.EqualFold(nameOrAppID, api.AppID) {
			return api, nil
		}
	}
	if guid.Valid(nameOrAppID) {
		id := strings.ToLower(nameOrAppID)
		return API{Name: id, AppID: id}, nil
	}
	return API{}, fmt.Errorf("%q is not an API that can be named: write %q, %q, or the app ID (GUID) of another API",
		nameOrAppID, Graph.Name, Exchange.Name)
}

// Find returns the catalogue's entry. known is false for a name that the catalogue does not contain: then the API's
// service principal in the tenant decides.
func Find(api API, name string) (found Permission, known bool) {
	for _, entry := range catalogue {
		if entry.API == api && entry.Name == name {
			return entry, true
		}
	}
	return Permission{}, false
}

// FindByID returns the catalogue's entry for a role of an API. Several APIs can have the same role ID.
func FindByID(resourceAppID, roleID string) (found Permission, known bool) {
	for _, entry := range catalogue {
		if strings.EqualFold(entry.API.AppID, resourceAppID) && strings.EqualFold(entry.ID, roleID) {
			return entry, true
		}
	}
	return Permission{}, false
}

// Outside describes a permission that the catalogue does not contain, from the data of the API's service principal in
// the tenant.
func Outside(api API, name, id string) Permission {
	return Permission{
		API: api, Name: name, ID: id,
		Purpose:  "Not known to be needed by CodeTwo; see the API's own documentation.",
		Risk:     Unrated,
		Evidence: "none: asked for by the configuration",
	}
}

// Nearest returns up to three of the names that are most similar to the given one, the most similar first.
func Nearest(name string, names []string) []string {
	type scored struct {
		name  string
		score float64
	}
	var candidates []scored
	for _, candidate := range names {
		score := levenshtein.Match(strings.ToLower(name), strings.ToLower(candidate), nil)
		if score >= 0.5 {
			candidates = append(candidates, scored{candidate, score})
		}
	}
	slices.SortStableFunc(candidates, func(a, b scored) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		default:
			return strings.Compare(a.name, b.name)
		}
	})
	if len(candidates) > 3 {
		candidates = candidates[:3]
	}
	nearest := make([]string, len(candidates))
	for i, candidate := range candidates {
		nearest[i] = candidate.name
	}
	return nearest
}

// Names returns the names that the catalogue holds for an API.
func Names(api API) []string {
	var names []string
	for _, entry := range catalogue {
		if entry.API == api {
			names = append(names, entry.Name)
		}
	}
	return names
}
