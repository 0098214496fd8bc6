package graph

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// getByIDs is the one POST that reads.
const getByIDs = "directoryObjects/getByIds"

// directoryObjectRoutes are the operations on objects whose type the caller does not know. That Directory.ReadWrite.All
// suffices to read is unconfirmed: Microsoft's tables of the two operations name Directory.Read.All alone.
var directoryObjectRoutes = []route{
	{http.MethodPost, "directoryObjects/getByIds", []string{directoryRead, directoryWrite}, (*call).getDirectoryObjects},
	{http.MethodGet, "directoryObjects/{object}", []string{directoryRead, directoryWrite}, (*call).getDirectoryObject},
}

// Types of objects, as @odata.type names them.
const (
	graphApplication      = "#microsoft.graph.application"
	graphServicePrincipal = "#microsoft.graph.servicePrincipal"
	graphUser             = "#microsoft.graph.user"
	graphGroup            = "#microsoft.graph.group"
)

// directoryObject finds an object of any type, with all of its properties.
func (c *call) directoryObject(v tenant.View, id string) (object, bool) {
	typed := func(name string, e object) (object, bool) {
		e["@odata.type"] = name
		return e, true
	}
	directory := &c.tenant.Directory
	if found, is := directory.ServicePrincipals.Get(v, id); is {
		return typed(graphServicePrincipal, c.servicePrincipalEntity(v, found))
	}
	if found, is := directory.Users.Get(v, id); is {
		return typed(graphUser, userEntity(found))
	}
	if found, is := directory.Groups.Get(v, id); is {
		return typed(graphGroup, c.groupEntity(found))
	}
	if found, is := directory.Applications.Get(v, id); is {
		return typed(graphApplication, c.applicationEntity(found, false))
	}
	return nil, false
}

// anyObject has the properties of every type of object.
func (c *call) anyObject() object {
	all := c.servicePrincipalEntity(c.Reads, tenant.ServicePrincipal{})
	maps.Copy(all, c.applicationEntity(tenant.Application{}, false))
	maps.Copy(all, userEntity(tenant.User{}))
	maps.Copy(all, c.groupEntity(tenant.Group{}))
	return all
}

// shownObject keeps what the caller may see of an object: if it may not read the type, only the type and the ID
// (Microsoft Graph: limited information returned for inaccessible member objects).
func (c *call) shownObject(e object) object {
	readers := ownerReaders
	switch e["@odata.type"] {
	case graphUser:
		readers = userReaders
	case graphGroup:
		readers = groupReaders
	}
	if !slices.ContainsFunc(readers, c.token.HasRole) {
		return object{"@odata.type": e["@odata.type"], "id": e["id"]}
	}
	switch e["@odata.type"] {
	case graphUser:
		return c.visible(e)
	case graphGroup:
		return c.shownGroup(e)
	}
	return e
}

// listObjects answers with the objects of these IDs that there are.
func (c *call) listObjects(ids func(tenant.View) []string) *apiError {
	return c.many(collection{
		context:    "directoryObjects",
		schema:     c.anyObject(),
		filterable: []string{"id"},
		rows: func(v tenant.View) []object {
			var found []object
			for _, id := range ids(v) {
				if e, ok := c.directoryObject(v, id); ok {
					found = append(found, e)
				}
			}
			return found
		},
		shown: c.shownObject,
	})
}

func (c *call) getDirectoryObject() *apiError {
	id := c.keys["object"].value
	if uuid.Validate(id) != nil {
		return refuse(badRequest, "Invalid object identifier '%s'.", id)
	}
	found, ok := c.directoryObject(c.Reads, strings.ToLower(id))
	if !ok {
		return notFound(id)
	}
	return c.one(http.StatusOK, "directoryObjects", c.shownObject(found), c.anyObject())
}

// maxIDs is how many objects a request can ask for (Microsoft Graph: directoryobject-getbyids).
const maxIDs = 1000

// getDirectoryObjects answers with those of some objects that there are (Microsoft Graph: directoryobject-getbyids;
// that the others are left out is unconfirmed).
func (c *call) getDirectoryObjects() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	ids, failure := decoded[[]string]("ids", "DirectoryObject", orNull(body["ids"]))
	if failure != nil || len(ids) == 0 || len(ids) > maxIDs {
		return invalidValue("ids", "DirectoryObject")
	}
	types, failure := decoded[[]string]("types", "DirectoryObject", orNull(body["types"]))
	if failure != nil {
		return failure
	}
	found := []object{}
	for _, id := range ids {
		if uuid.Validate(id) != nil {
			return refuse(badRequest, "Invalid object identifier '%s'.", id)
		}
		if e, ok := c.directoryObject(c.Reads, strings.ToLower(id)); ok && wanted(types, e) {
			found = append(found, c.shownObject(e))
		}
	}
	return c.write(http.StatusOK, object{"@odata.context": c.link("$metadata#directoryObjects"), "value": found})
}

// wanted reports whether an object is of one of some types, as a request names them; none are all types.
func wanted(types []string, e object) bool {
	name, _ := e["@odata.type"].(string)
	return len(types) == 0 || slices.ContainsFunc(types, func(wanted string) bool {
		return strings.EqualFold(wanted, "directoryObject") || strings.EqualFold("#microsoft.graph."+wanted, name)
	})
}
