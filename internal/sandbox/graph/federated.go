package graph

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// maxFederated is how many an application can have (Microsoft Graph: federatedIdentityCredential resource type).
const maxFederated = 20

func federatedEntity(f tenant.FederatedCredential) object {
	return object{
		"id": f.ID, "name": f.Name, "issuer": f.Issuer, "subject": f.Subject, "audiences": tenant.NonNil(f.Audiences),
		"description": text(f.Description),
	}
}

func (c *call) listFederated() *apiError {
	found, failure := c.findApplication(c.Reads)
	if failure != nil {
		return failure
	}
	return c.many(collection{
		context:    "applications('" + found.ID + "')/federatedIdentityCredentials",
		schema:     federatedEntity(tenant.FederatedCredential{}),
		filterable: []string{"name", "issuer", "subject"},
		rows:       func(tenant.View) []object { return tenant.Mapped(found.Federated, federatedEntity) },
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
	if failure := setFederated(&made, body); failure != nil {
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
	return c.one(http.StatusCreated, "applications('"+changed.ID+"')/federatedIdentityCredentials", federatedEntity(made),
		nil)
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
	if failure := setFederated(&credential, body); failure != nil {
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
func setFederated(f *tenant.FederatedCredential, body map[string]json.RawMessage) (failure *apiError) {
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
		default:
			failure = unknownProperty(name, "federatedIdentityCredential")
		}
		if failure != nil {
			return failure
		}
	}
	return nil
}

// checkFederated refuses a credential that lacks a property, or that conflicts with another one.
func checkFederated(f *tenant.FederatedCredential, others []tenant.FederatedCredential) *apiError {
	for _, property := range []struct{ name, value string }{{"issuer", f.Issuer}, {"name", f.Name},
		{"subject", f.Subject}} {
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
		return other.Issuer == f.Issuer && other.Subject == f.Subject
	}):
		// text unconfirmed
		return refuse(badRequest, "A federated identity credential with this issuer and subject already exists.")
	}
	return nil
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
	entity := federatedEntity(found.Federated[at])
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
