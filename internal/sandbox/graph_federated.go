package sandbox

import (
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
	changed, failure := c.findApplication(c.tenant.present(c.server))
	if failure != nil {
		return failure
	}
	const resource = "FederatedIdentityCredential"
	made := federatedCredential{ID: uuid.NewString()}
	for _, name := range sortedNames(body) {
		switch name {
		case "name":
			made.Name, failure = decoded[string](name, resource, body[name])
		case "issuer":
			made.Issuer, failure = decoded[string](name, resource, body[name])
		case "subject":
			made.Subject, failure = decoded[string](name, resource, body[name])
		case "description":
			made.Description, failure = decoded[string](name, resource, body[name])
		case "audiences":
			made.Audiences, failure = decoded[[]string](name, resource, body[name])
		default:
			failure = unknownProperty(name, "federatedIdentityCredential")
		}
		if failure != nil {
			return failure
		}
	}
	for property, value := range map[string]string{"name": made.Name, "issuer": made.Issuer, "subject": made.Subject} {
		if value == "" {
			return refuse(badRequest, "A value is required for property '%s' of resource '%s'.", property, resource)
		}
	}
	switch {
	case len(made.Audiences) != 1:
		return invalidValue("audiences", resource)
	case len(changed.Federated) >= maxFederated:
		return refuse(badRequest, "An application can have at most %d federated identity credentials.", maxFederated) // text unconfirmed
	case slices.ContainsFunc(changed.Federated, func(f federatedCredential) bool { return f.Name == made.Name }):
		return conflict("FederatedIdentityCredential with name %s already exists.", made.Name)
	case slices.ContainsFunc(changed.Federated, func(f federatedCredential) bool { return f.Issuer == made.Issuer && f.Subject == made.Subject }):
		return refuse(badRequest, "A federated identity credential with this issuer and subject already exists.") // text unconfirmed
	}
	changed.Federated = append(slices.Clone(changed.Federated), made)
	c.tenant.directory.applications.put(c.server.now(), changed.ID, changed)
	return c.one(http.StatusCreated, "applications('"+changed.ID+"')/federatedIdentityCredentials", made.entity(), nil)
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
	changed, at, failure := c.findFederated(c.tenant.present(c.server))
	if failure != nil {
		return failure
	}
	changed.Federated = slices.Delete(slices.Clone(changed.Federated), at, at+1)
	c.tenant.directory.applications.put(c.server.now(), changed.ID, changed)
	return c.noContent()
}
