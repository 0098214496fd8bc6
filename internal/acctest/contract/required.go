package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// required are the properties that a request's body must have (Microsoft Graph: the request body of each operation; the
// metadata that the contract is made from does not say so). The keys of a path are written {}.
var required = map[string][]string{
	"POST /applications":                                    {"displayName"},
	"POST /applications/{}/addKey":                          {"keyCredential", "proof"},
	"POST /applications/{}/removeKey":                       {"keyId", "proof"},
	"POST /applications/{}/removePassword":                  {"keyId"},
	"POST /applications/{}/owners/$ref":                     {"@odata.id"},
	"POST /applications/{}/federatedIdentityCredentials":    {"audiences", "issuer", "name", "subject"},
	"POST /servicePrincipals":                               {"appId"},
	"POST /servicePrincipals/{}/owners/$ref":                {"@odata.id"},
	"POST /servicePrincipals/{}/appRoleAssignments":         {"appRoleId", "principalId", "resourceId"},
	"POST /servicePrincipals/{}/appRoleAssignedTo":          {"appRoleId", "principalId", "resourceId"},
	"POST /servicePrincipals/{}/claimsMappingPolicies/$ref": {"@odata.id"},
	"POST /applicationTemplates/{}/instantiate":             {"displayName"},
	"POST /oauth2PermissionGrants":                          {"clientId", "consentType", "resourceId"},
	"POST /policies/claimsMappingPolicies":                  {"definition", "displayName"},
	"POST /users": {"accountEnabled", "displayName", "mailNickname", "passwordProfile",
		"userPrincipalName"},
	"PUT /users/{}/manager/$ref":         {"@odata.id"},
	"POST /users/{}/appRoleAssignments":  {"appRoleId", "principalId", "resourceId"},
	"POST /groups":                       {"displayName", "mailEnabled", "mailNickname", "securityEnabled"},
	"POST /groups/{}/members/$ref":       {"@odata.id"},
	"POST /groups/{}/owners/$ref":        {"@odata.id"},
	"POST /groups/{}/appRoleAssignments": {"appRoleId", "principalId", "resourceId"},
	"POST /directoryObjects/getByIds":    {"ids"},
	"POST /$batch":                       {"requests"},
}

// upsertRequired is what an upsert by uniqueName must have, which may turn out to be a creation (application-upsert).
var upsertRequired = []string{"displayName"}

// keyInPath is a key of the contract's paths, in either notation.
var keyInPath = regexp.MustCompile(`/\{[^}]*\}|\(\w+='\{[^}]*\}'\)`)

// checkRequired tells what a request's body lacks.
func checkRequired(o operation, e Exchange) (errs []error) {
	var body map[string]any
	if json.Unmarshal(e.Body, &body) != nil {
		return nil // told of elsewhere
	}
	names := required[o.method+" "+keyInPath.ReplaceAllString(o.path, "/{}")]
	if o.method == http.MethodPatch && strings.Contains(o.path, "(uniqueName=") &&
		strings.Contains(e.Header.Get("Prefer"), "create-if-missing") {
		names = upsertRequired
	}
	for _, name := range names {
		if body[name] == nil {
			errs = append(errs, fmt.Errorf("the property %s is missing", name))
		}
	}
	keys, _ := body["keyCredentials"].([]any)
	if one, rolled := body["keyCredential"]; rolled {
		keys = append(keys, one)
	}
	for _, key := range keys {
		errs = append(errs, checkKey(key)...)
	}
	return errs
}

// checkKey tells what an entry of keyCredentials lacks: its type and usage, and either a key or the ID of a known one
// (Microsoft Graph: keyCredential resource type, application-addkey).
func checkKey(of any) (errs []error) {
	key, _ := of.(map[string]any)
	for _, name := range []string{"type", "usage"} {
		if key[name] == nil {
			errs = append(errs, fmt.Errorf("a key's %s is missing", name))
		}
	}
	if key["key"] == nil && key["keyId"] == nil {
		errs = append(errs, fmt.Errorf("a key has neither a key nor a keyId"))
	}
	return errs
}

// entityOf is the schema of what an operation answers with, or of the elements of its list; nil where it answers with
// no entity.
func (c *Contract) entityOf(o operation) *openapi3.Schema {
	for _, status := range []int{http.StatusOK, http.StatusCreated} {
		answered := o.Responses.Value(fmt.Sprint(status))
		if answered == nil || answered.Value.Content.Get("application/json") == nil {
			continue
		}
		schema := answered.Value.Content.Get("application/json").Schema
		if elements := schema.Value.Properties["value"]; elements != nil && elements.Value.Type.Is("array") {
			schema = elements.Value.Items
		}
		if schema != nil && len(schema.Value.Properties) > 0 {
			return schema.Value
		}
	}
	return nil
}

// checkIDs tells of entities without an ID, which every one has unless the request selects others (Microsoft Graph:
// entity resource type).
func (c *Contract) checkIDs(o operation, e Exchange) (errs []error) {
	entity := c.entityOf(o)
	var answer map[string]any
	if entity == nil || entity.Properties["id"] == nil || e.Status >= http.StatusMultipleChoices ||
		json.Unmarshal(e.Answer, &answer) != nil {
		return nil
	}
	if strings.Contains(e.Target, "$select=") || strings.Contains(e.Target, "%24select=") {
		return nil
	}
	entities := []any{answer}
	if list, is := answer["value"].([]any); is {
		entities = list
	}
	for i, one := range entities {
		if object, _ := one.(map[string]any); object["id"] == nil {
			errs = append(errs, fmt.Errorf("the entity %d has no id", i))
		}
	}
	return errs
}

// Where a query names properties: before an operator, in a function, before a lambda, and what it calls the lambda's
// variable.
var (
	quoted         = regexp.MustCompile(`'(?:[^']|'')*'`)
	compared       = regexp.MustCompile(`(?i)([a-z@][\w.]*)(?:/\w+)*\s+(?:eq|ne|ge|gt|le|lt|in)\b`)
	inFunction     = regexp.MustCompile(`(?i)(?:startswith|endswith|contains)\(\s*([a-z]\w*)`)
	beforeLambda   = regexp.MustCompile(`([A-Za-z]\w*)(?:/\w+)*/(?:any|all)\(`)
	lambdaVariable = regexp.MustCompile(`/(?:any|all)\(\s*(\w+)\s*:`)
)

// namesIn are the properties that an option of a query names.
func namesIn(option, text string) (names []string) {
	switch option {
	case "$select":
		for name := range strings.SplitSeq(text, ",") {
			names = append(names, strings.TrimSpace(name))
		}
	case "$orderby":
		for part := range strings.SplitSeq(text, ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(part), " ")
			names = append(names, name)
		}
	case "$search":
		name, _, _ := strings.Cut(strings.Trim(text, `"`), ":")
		names = append(names, name)
	case "$filter":
		plain := quoted.ReplaceAllString(text, "''")
		var variables []string
		for _, found := range lambdaVariable.FindAllStringSubmatch(plain, -1) {
			variables = append(variables, found[1])
		}
		for _, pattern := range []*regexp.Regexp{compared, inFunction, beforeLambda} {
			for _, found := range pattern.FindAllStringSubmatch(plain, -1) {
				if !slices.Contains(variables, found[1]) {
					names = append(names, found[1])
				}
			}
		}
	}
	return names
}

// checkNames reports properties in an option that the entity does not have. A directoryObject may have those of any
// type, since the answer alone tells its type.
func (c *Contract) checkNames(o operation, option, text string) (errs []error) {
	entity := c.entityOf(o)
	if entity == nil {
		return nil
	}
	for _, name := range namesIn(option, text) {
		known := entity.Properties[name] != nil || name == "*" && option == "$select"
		if c.object != nil && entity == c.object.Value {
			for _, actual := range c.types {
				known = known || actual.Value.Properties[name] != nil
			}
		}
		if !known {
			errs = append(errs, fmt.Errorf("%s names the property %q, which is unknown", option, name))
		}
	}
	return errs
}
