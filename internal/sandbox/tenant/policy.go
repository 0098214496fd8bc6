package tenant

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// ManagementPolicy restricts the credentials of applications (Microsoft Graph: "Microsoft Entra application
// authentication methods API overview"): either the tenant's default one, which always exists and is disabled at first,
// or one that is assigned to a single application and takes the place of the default one there.
type ManagementPolicy struct {
	ID            string
	ApplicationID string // object ID of the application that it is assigned to; empty for the default one
	Enabled       bool
	Restrictions  []Restriction
	// of service principals' credentials; in the default policy only
	PrincipalRestrictions []Restriction
}

// Restriction is one rule of an app management policy about the credentials that are added to an application.
type Restriction struct {
	// passwordAddition, passwordLifetime or asymmetricKeyLifetime, each once in a policy
	Type string `json:"type"`
	// of a lifetime's restriction: an ISO 8601 duration in days and less, such as P180D
	MaxLifetime  string    `json:"max_lifetime,omitempty"`
	CreatedAfter time.Time `json:"created_after,omitzero"` // applications made before are free of it; zero: none is
	Disabled     bool      `json:"disabled,omitempty"`     // not enforced
}

// The types of restrictions that can hit what this sandbox has. Symmetric keys and client secrets of the client's own
// making do not exist in it.
const (
	PasswordAddition      = "passwordAddition"
	PasswordLifetime      = "passwordLifetime"
	AsymmetricKeyLifetime = "asymmetricKeyLifetime"
)

// RestrictionTypes are all of them.
var RestrictionTypes = []string{PasswordAddition, PasswordLifetime, AsymmetricKeyLifetime}

// OfLifetime reports whether the restriction limits how long a credential lasts.
func (r Restriction) OfLifetime() bool { return r.Type != PasswordAddition }

var dayTimeDuration = regexp.MustCompile(`^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$`)

// ParseDuration reads Edm.Duration, which knows nothing longer than days (OData 4.01: Edm.Duration).
func ParseDuration(text string) (time.Duration, error) {
	found := dayTimeDuration.FindStringSubmatch(text)
	if found == nil || text == "P" || text[len(text)-1] == 'T' {
		return 0, fmt.Errorf("%q is not a duration such as P180D or P4DT12H30M5S", text)
	}
	var total time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(found[i+1]) // absent: 0
		total += time.Duration(n) * unit
	}
	return total, nil
}

// DefaultPolicy is the row of the tenant's default policy; every other one has its application's object ID as key.
const DefaultPolicy = "default"

// seedPolicy makes the policy that every tenant has.
func (t *Tenant) seedPolicy() {
	t.Directory.Policies.Put(Created, DefaultPolicy, ManagementPolicy{ID: uuid.NewString()})
}

// PolicyOf is the policy that counts for an application. One of its own replaces the default one whole, and both can be
// disabled.
func (t *Tenant) PolicyOf(v View, applicationID string) ManagementPolicy {
	if own, assigned := t.Directory.Policies.Get(v, applicationID); assigned {
		return own
	}
	standing, _ := t.Directory.Policies.Get(v, DefaultPolicy)
	return standing
}
