package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// maxFederated is how many an application can have (Microsoft Graph: federatedIdentityCredential resource type).
const maxFederated = 20

func (f federatedCredential) entity() object {
	return object{
		"id": f.ID, "name": f.Name, "issuer": f.Issuer, "subject": f.Subject, "audiences": list(f.Audiences),
		"description": text(f.Description),
	}
}

func (c *call) listFederated() *graphError {
	found, failure := c.findApplication(c.reads)
	if failure != nil {
		return failure
	}
	return c.many(collection{
		context:    "applications('" + found.ID + "')/federatedIdentityCredentials",
		schema:     federatedCredential{}.entity(),
		filterable: []string{"name", "issuer", "subject"},
		rows:       func(view) []object { return mapped(found.Federated, federatedCredential.entity) },
	})
}

func (c *call) postFederated() *graphError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	changed, failure := c.findApplication(present())
	if failure != nil {
		return failure
	}
	made := federatedCredential{ID: uuid.NewString()}
	if failure := made.set(body); failure != nil {
		return failure
	}
	if len(changed.Federated) >= maxFederated {
		return refuse(badRequest, "An application can have at most %d federated identity credentials.", maxFederated) // text unconfirmed
	}
	if failure := made.check(changed.Federated); failure != nil {
		return failure
	}
	changed.Federated = append(slices.Clone(changed.Federated), made)
	c.tenant.directory.applications.put(c.api.world.now(), changed.ID, changed)
	return c.one(http.StatusCreated, "applications('"+changed.ID+"')/federatedIdentityCredentials", made.entity(), nil)
}

// patchFederated changes a credential (Microsoft Graph: federatedidentitycredential-update).
func (c *call) patchFederated() *graphError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	changed, at, failure := c.findFederated(present())
	if failure != nil {
		return failure
	}
	credential := changed.Federated[at]
	if failure := credential.set(body); failure != nil {
		return failure
	}
	others := slices.Delete(slices.Clone(changed.Federated), at, at+1)
	if failure := credential.check(others); failure != nil {
		return failure
	}
	changed.Federated = slices.Insert(others, at, credential)
	c.tenant.directory.applications.put(c.api.world.now(), changed.ID, changed)
	return c.noContent()
}

const federatedResource = "FederatedIdentityCredential"

// set sets what is in a request. The name stays as it is once it is given (Microsoft Graph: federatedIdentityCredential
// resource type), and may be repeated.
func (f *federatedCredential) set(body map[string]json.RawMessage) (failure *graphError) {
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

// check refuses a credential that lacks something, or that cannot stand beside the others.
func (f *federatedCredential) check(others []federatedCredential) *graphError {
	for _, property := range []struct{ name, value string }{{"issuer", f.Issuer}, {"name", f.Name}, {"subject", f.Subject}} {
		if property.value == "" {
			return refuse(badRequest, "A value is required for property '%s' of resource '%s'.", property.name, federatedResource)
		}
	}
	switch {
	case len(f.Audiences) != 1:
		return invalidValue("audiences", federatedResource)
	case slices.ContainsFunc(others, func(other federatedCredential) bool { return other.Name == f.Name }):
		return conflict("FederatedIdentityCredential with name %s already exists.", f.Name)
	case slices.ContainsFunc(others, func(other federatedCredential) bool { return other.Issuer == f.Issuer && other.Subject == f.Subject }):
		return refuse(badRequest, "A federated identity credential with this issuer and subject already exists.") // text unconfirmed
	}
	return nil
}

// findFederated returns the application and the place of the credential that the path names by ID or by name.
func (c *call) findFederated(v view) (application, int, *graphError) {
	found, failure := c.findApplication(v)
	if failure != nil {
		return found, 0, failure
	}
	name := c.keys["credential"].value
	at := slices.IndexFunc(found.Federated, func(f federatedCredential) bool { return strings.EqualFold(f.ID, name) || f.Name == name })
	if at < 0 {
		return found, 0, notFound(name)
	}
	return found, at, nil
}

func (c *call) getFederated() *graphError {
	found, at, failure := c.findFederated(c.reads)
	if failure != nil {
		return failure
	}
	entity := found.Federated[at].entity()
	return c.one(http.StatusOK, "applications('"+found.ID+"')/federatedIdentityCredentials", entity, entity)
}

func (c *call) deleteFederated() *graphError {
	changed, at, failure := c.findFederated(present())
	if failure != nil {
		return failure
	}
	changed.Federated = slices.Delete(slices.Clone(changed.Federated), at, at+1)
	c.tenant.directory.applications.put(c.api.world.now(), changed.ID, changed)
	return c.noContent()
}
