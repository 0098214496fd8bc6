package graph

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/token"
)

// maxFederated is how many an application can have (Microsoft Graph: federatedIdentityCredential resource type).
const maxFederated = 20

// federatedRoutes are the operations on federated credentials. The beta version has them as well, because
// claimsMatchingExpression is there alone (Microsoft Graph: federatedIdentityCredential resource type, beta).
var federatedRoutes = []route{
	{http.MethodGet, "applications/{application}/federatedIdentityCredentials",
		[]string{appReadAll, appOwnedBy, appReadWriteAll}, (*call).listFederated},
	{http.MethodPost, "applications/{application}/federatedIdentityCredentials", []string{appOwnedBy, appReadWriteAll},
		(*call).postFederated},
	{http.MethodGet, "applications/{application}/federatedIdentityCredentials/{credential}",
		[]string{appReadAll, appOwnedBy, appReadWriteAll}, (*call).getFederated},
	{http.MethodPatch, "applications/{application}/federatedIdentityCredentials/{credential}",
		[]string{appOwnedBy, appReadWriteAll}, (*call).patchFederated},
	{http.MethodDelete, "applications/{application}/federatedIdentityCredentials/{credential}",
		[]string{appOwnedBy, appReadWriteAll}, (*call).deleteFederated},
}

// federatedEntity is a credential as the version shows it. That v1.0 shows one with an expression, whose subject is
// null, is unconfirmed.
func (c *call) federatedEntity(f tenant.FederatedCredential) object {
	e := object{
		"id": f.ID, "name": f.Name, "issuer": f.Issuer, "subject": text(f.Subject), "audiences": tenant.NonNil(f.Audiences),
		"description": text(f.Description),
	}
	if c.version == betaVersion {
		e["claimsMatchingExpression"] = nil
		if f.Expression != "" {
			e["claimsMatchingExpression"] = object{"value": f.Expression, "languageVersion": expressionLanguage}
		}
	}
	return e
}

func (c *call) listFederated() *apiError {
	found, failure := c.findApplication(c.Reads)
	if failure != nil {
		return failure
	}
	return c.many(collection{
		context:    "applications('" + found.ID + "')/federatedIdentityCredentials",
		schema:     c.federatedEntity(tenant.FederatedCredential{}),
		filterable: []string{"name", "issuer", "subject"},
		rows:       func(tenant.View) []object { return tenant.Mapped(found.Federated, c.federatedEntity) },
	})
}

func (c *call) postFederated() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	changed, failure := c.findApplication(tenant.Present())
	if failure != nil {
		return failure
	}
	made := tenant.FederatedCredential{ID: uuid.NewString()}
	if failure := c.setFederated(&made, body); failure != nil {
		return failure
	}
	if len(changed.Federated) >= maxFederated {
		// text unconfirmed
		return refuse(badRequest, "An application can have at most %d federated identity credentials.", maxFederated)
	}
	if failure := checkFederated(&made, changed.Federated); failure != nil {
		return failure
	}
	changed.Federated = append(slices.Clone(changed.Federated), made)
	c.tenant.Directory.Applications.Put(c.api.world.Now(), changed.ID, changed)
	return c.one(http.StatusCreated, "applications('"+changed.ID+"')/federatedIdentityCredentials",
		c.federatedEntity(made), nil)
}

// patchFederated changes a credential (Microsoft Graph: federatedidentitycredential-update).
func (c *call) patchFederated() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	changed, at, failure := c.findFederated(tenant.Present())
	if failure != nil {
		return failure
	}
	credential := changed.Federated[at]
	if failure := c.setFederated(&credential, body); failure != nil {
		return failure
	}
	others := slices.Delete(slices.Clone(changed.Federated), at, at+1)
	if failure := checkFederated(&credential, others); failure != nil {
		return failure
	}
	changed.Federated = slices.Insert(others, at, credential)
	c.tenant.Directory.Applications.Put(c.api.world.Now(), changed.ID, changed)
	return c.noContent()
}

const federatedResource = "FederatedIdentityCredential"

// setFederated sets what is in a request. The name stays as it is once it is given (Microsoft Graph:
// federatedIdentityCredential resource type), and may be repeated.
func (c *call) setFederated(f *tenant.FederatedCredential, body map[string]json.RawMessage) (failure *apiError) {
	for _, name := range sortedNames(body) {
		raw := body[name]
		switch name {
		case "name":
			var given string
			if given, failure = decoded[string](name, federatedResource, raw); f.Name != "" && given != f.Name {
				failure = readOnly(name)
			}
			f.Name = given
		case "issuer":
			f.Issuer, failure = decoded[string](name, federatedResource, raw)
		case "subject":
			f.Subject, failure = decoded[string](name, federatedResource, raw)
		case "description":
			f.Description, failure = decoded[string](name, federatedResource, raw)
		case "audiences":
			f.Audiences, failure = decoded[[]string](name, federatedResource, raw)
		case "id":
			failure = readOnlyUnlessItsID(name, raw, f.ID)
		case "claimsMatchingExpression":
			failure = c.setExpression(f, raw)
		default:
			failure = unknownProperty(name, "federatedIdentityCredential")
		}
		if failure != nil {
			return failure
		}
	}
	return nil
}

// expressionLanguage is the one version of the language that there is (Microsoft Graph: federatedIdentityExpression
// resource type).
const expressionLanguage = 1

// setExpression sets a claimsMatchingExpression; null takes it away.
func (c *call) setExpression(f *tenant.FederatedCredential, raw json.RawMessage) *apiError {
	const name = "claimsMatchingExpression"
	if c.version != betaVersion {
		return unknownProperty(name, "federatedIdentityCredential")
	}
	given, failure := decoded[*struct {
		Value           string `json:"value"`
		LanguageVersion int    `json:"languageVersion"`
	}](name, federatedResource, raw)
	switch {
	case failure != nil:
		return failure
	case given == nil:
		f.Expression = ""
		return nil
	case given.LanguageVersion != expressionLanguage:
		return invalidValue("languageVersion", "FederatedIdentityExpression")
	case given.Value == "":
		return invalidValue("value", "FederatedIdentityExpression")
	}
	f.Expression = given.Value
	return nil
}

// checkExpression refuses an expression that is not of the language, or not about an issuer that has it (Microsoft
// Entra Workload ID: flexible federated identity credentials). Codes and texts are unconfirmed.
func checkExpression(f *tenant.FederatedCredential) *apiError {
	if f.Expression == "" {
		return nil
	}
	if f.Subject != "" {
		return refuse(badRequest, "The properties 'subject' and 'claimsMatchingExpression' of resource '%s' exclude each "+
			"other.", federatedResource)
	}
	expression, err := token.ParseClaimsExpression(f.Expression)
	if err == nil {
		err = expression.CheckIssuer(f.Issuer)
	}
	if err != nil {
		return refuse(badRequest, "Invalid value specified for property 'claimsMatchingExpression' of resource '%s': %s.",
			federatedResource, err)
	}
	return nil
}

// checkFederated refuses a credential that lacks a property, or that conflicts with another one.
func checkFederated(f *tenant.FederatedCredential, others []tenant.FederatedCredential) *apiError {
	for _, property := range []struct{ name, value string }{{"issuer", f.Issuer}, {"name", f.Name},
		{"subject", f.Subject + f.Expression}} {
		if property.value == "" {
			return refuse(badRequest, "A value is required for property '%s' of resource '%s'.", property.name,
				federatedResource)
		}
	}
	switch {
	case len(f.Audiences) != 1:
		return invalidValue("audiences", federatedResource)
	case slices.ContainsFunc(others, func(other tenant.FederatedCredential) bool { return other.Name == f.Name }):
		return conflict("FederatedIdentityCredential with name %s already exists.", f.Name)
	case slices.ContainsFunc(others, func(other tenant.FederatedCredential) bool {
		return other.Issuer == f.Issuer && other.Subject == f.Subject && f.Subject != ""
	}):
		// text unconfirmed
		return refuse(badRequest, "A federated identity credential with this issuer and subject already exists.")
	}
	return checkExpression(f)
}

// findFederated returns the application and the place of the credential that the path names by ID or by name.
func (c *call) findFederated(v tenant.View) (tenant.Application, int, *apiError) {
	found, failure := c.findApplication(v)
	if failure != nil {
		return found, 0, failure
	}
	name := c.keys["credential"].value
	at := slices.IndexFunc(found.Federated, func(f tenant.FederatedCredential) bool {
		return strings.EqualFold(f.ID, name) || f.Name == name
	})
	if at < 0 {
		return found, 0, notFound(name)
	}
	return found, at, nil
}

func (c *call) getFederated() *apiError {
	found, at, failure := c.findFederated(c.Reads)
	if failure != nil {
		return failure
	}
	entity := c.federatedEntity(found.Federated[at])
	return c.one(http.StatusOK, "applications('"+found.ID+"')/federatedIdentityCredentials", entity, entity)
}

func (c *call) deleteFederated() *apiError {
	changed, at, failure := c.findFederated(tenant.Present())
	if failure != nil {
		return failure
	}
	changed.Federated = slices.Delete(slices.Clone(changed.Federated), at, at+1)
	c.tenant.Directory.Applications.Put(c.api.world.Now(), changed.ID, changed)
	return c.noContent()
}
