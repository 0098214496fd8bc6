package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// relation is a property of an object whose values are other objects, with the types that it takes.
type relation struct {
	name  string
	takes []string
}

// fits reports whether the relation takes an object of a type. No relation takes a Microsoft 365 group.
func (c *call) fits(id, kind string, by relation) bool {
	group, isGroup := c.tenant.Directory.Groups.Get(c.Refers, id)
	return slices.Contains(by.takes, kind) && !(isGroup && group.Unified())
}

// references are the values that an object has of a relation, with the way to give it others.
type references struct {
	relation
	ids     []string
	most    int                       // how many there may be; 0: any number
	put     func(ids []string)        // writes the object with other values
	removes func(id string) *apiError // refuses a removal; nil: none is refused
}

// referenceHolder finds the object that the path names, with its values of a relation.
type referenceHolder func(*call, tenant.View) (references, *apiError)

// applicationType is the type of an application object. Those of principals are in package tenant.
const applicationType = "Application"

// typeOf is what an object ID stands for.
func (c *call) typeOf(v tenant.View, id string) (name string, found bool) {
	if _, is := c.tenant.Directory.Applications.Get(v, id); is {
		return applicationType, true
	}
	principal, found := c.tenant.Principal(v, id)
	return principal.Type, found
}

// referred finds the object that a reference such as https://…/v1.0/directoryObjects/{id} names. What precedes the ID
// is ignored (read: HashiCorp's SDK for Azure puts any host there).
func (c *call) referred(reference string, by relation) (string, *apiError) {
	id := strings.ToLower(reference[strings.LastIndex(reference, "/")+1:])
	if uuid.Validate(id) != nil {
		return "", refuse(badRequest, "Invalid object identifier '%s'.", id)
	}
	kind, found := c.typeOf(c.Refers, id)
	switch {
	case !found:
		return "", notFound(id)
	case !c.fits(id, kind, by):
		return "", refuse(badRequest, "The reference target '%s_%s' of type '%s' is invalid for the '%s' reference.", kind,
			id, kind, by.name)
	}
	return id, nil
}

// referenceIn finds the object that the body of a request refers to.
func (c *call) referenceIn(body map[string]json.RawMessage, by relation) (string, *apiError) {
	reference, failure := decoded[string]("@odata.id", "DirectoryObject", body["@odata.id"])
	if failure != nil {
		return "", failure
	}
	return c.referred(reference, by)
}

// maxBound is how many objects a request can bind to the one that it makes or changes (Microsoft Graph:
// group-post-groups and group-post-members; of applications it is unconfirmed, and HashiCorp's azuread provider adds
// the rest one by one).
const maxBound = 20

// bound takes the objects that a request binds out of its body (OData JSON Format 4.01, 8.5: bind operation).
func (c *call) bound(body map[string]json.RawMessage, by relation) ([]string, *apiError) {
	binding := by.name + "@odata.bind"
	raw, has := body[binding]
	if !has {
		return nil, nil
	}
	delete(body, binding)
	named, failure := decoded[[]string](binding, "DirectoryObject", raw)
	if failure != nil {
		return nil, failure
	}
	if len(named) > maxBound {
		return nil, invalidValue(by.name, "DirectoryObject")
	}
	var ids []string
	for _, reference := range named {
		id, failure := c.referred(reference, by)
		if failure != nil {
			return nil, failure
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// with returns the values together with more of them, none of which may be there already.
func (r references) with(more ...string) ([]string, *apiError) {
	ids := slices.Clone(r.ids)
	for _, id := range more {
		if slices.Contains(ids, id) {
			return nil, refuse(badRequest,
				"One or more added object references already exist for the following modified properties: '%s'.", r.name)
		}
		ids = append(ids, id)
	}
	if r.most > 0 && len(ids) > r.most {
		return nil, &apiError{status: http.StatusForbidden, code: "Directory_QuotaExceeded", message: fmt.Sprintf(
			"Unable to perform operation as '%d' would exceed the maximum quota count '%d' for forward-link '%s'.", len(ids),
			r.most, r.name)}
	}
	return ids, nil
}

func (c *call) addReference(find referenceHolder) *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	changed, failure := find(c, tenant.Present())
	if failure != nil {
		return failure
	}
	id, failure := c.referenceIn(body, changed.relation)
	if failure != nil {
		return failure
	}
	ids, failure := changed.with(id)
	if failure != nil {
		return failure
	}
	changed.put(ids)
	return c.noContent()
}

func (c *call) removeReference(find referenceHolder, id string) *apiError {
	changed, failure := find(c, tenant.Present())
	if failure != nil {
		return failure
	}
	at := slices.Index(changed.ids, strings.ToLower(id))
	if at < 0 {
		return notFound(id)
	}
	if changed.removes != nil {
		if failure := changed.removes(changed.ids[at]); failure != nil {
			return failure
		}
	}
	changed.put(slices.Delete(slices.Clone(changed.ids), at, at+1))
	return c.noContent()
}
