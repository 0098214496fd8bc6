package msgraph

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// UpsertApplication implements entra.Directory. A PATCH by uniqueName that creates what is missing is Graph's own
// idempotent create, so a lost response never makes a second application (Microsoft Graph: application-upsert).
// Rights: Application.ReadWrite.OwnedBy.
func (d *directory) UpsertApplication(
	ctx context.Context, uniqueName string, change entra.ApplicationChange,
) (made *entra.Application, lost bool, err error) {
	body, err := encode(applicationBody{ApplicationChange: change})
	if err != nil {
		return nil, false, err
	}
	path := pathOf("/applications(uniqueName='%s')", strings.ReplaceAll(uniqueName, "'", "''"))
	answered := d.send(ctx, request{method: http.MethodPatch, path: path, prefer: "create-if-missing", body: body})
	if answered.err != nil || len(answered.body) == 0 { // 204: there was one
		return nil, answered.lost, answered.err
	}
	object, err := decode[*application](answered, newApplication)
	if err != nil {
		return nil, answered.lost, err
	}
	return &object.Application, answered.lost, nil
}

// Write implements entra.Directory. Rights: Application.ReadWrite.OwnedBy for applications and service principals,
// AppRoleAssignment.ReadWrite.All for grants.
func (d *directory) Write(ctx context.Context, order entra.Order, changes ...entra.Change) []entra.Outcome {
	requests := make([]request, len(changes))
	var err error
	for i, change := range changes {
		if requests[i], err = requestOf(change); err != nil {
			return slices.Repeat([]entra.Outcome{{Err: err}}, len(changes))
		}
	}
	answers, err := d.batch(ctx, order, requests...)
	if err != nil {
		return slices.Repeat([]entra.Outcome{{Err: err}}, len(changes))
	}
	outcomes := make([]entra.Outcome, len(changes))
	for i, answered := range answers {
		outcomes[i] = outcomeOf(changes[i], answered)
		outcomes[i].Lost = answered.lost
	}
	return outcomes
}

// requestOf builds the request of one change.
func requestOf(change entra.Change) (r request, err error) {
	var body serialization.Parsable
	switch change := change.(type) {
	case entra.ApplicationChange:
		r = request{method: http.MethodPatch, path: pathOf("/applications/%s", change.ObjectID)}
		body = applicationBody{ApplicationChange: change}
	case entra.CreateServicePrincipal:
		r = request{method: http.MethodPost, path: "/servicePrincipals"}
		body = servicePrincipalBody{clientID: &change.ClientID, tags: change.Tags}
	case entra.SetServicePrincipalEnabled:
		r = request{method: http.MethodPatch, path: pathOf("/servicePrincipals/%s", change.ObjectID)}
		body = servicePrincipalBody{enabled: &change.Enabled}
	case entra.GrantAppRole:
		r = request{method: http.MethodPost, path: pathOf("/servicePrincipals/%s/appRoleAssignedTo", change.ResourceID)}
		grant := models.NewAppRoleAssignment()
		grant.SetPrincipalId(parseID(change.PrincipalID))
		grant.SetResourceId(parseID(change.ResourceID))
		grant.SetAppRoleId(parseID(change.RoleID))
		body = grant
	case entra.RevokeAppRole:
		return deletion("/servicePrincipals/%s/appRoleAssignments/%s", change.PrincipalID, change.AssignmentID), nil
	case entra.DeleteApplication:
		return deletion("/applications/%s", change.ObjectID), nil
	case entra.DeleteServicePrincipal:
		return deletion("/servicePrincipals/%s", change.ObjectID), nil
	case entra.PurgeDeletedItem:
		return deletion("/directory/deletedItems/%s", change.ObjectID), nil
	case entra.RestoreDeletedItem:
		return request{
			method: http.MethodPost, path: pathOf("/directory/deletedItems/%s/restore", change.ObjectID),
			// A second restore is answered like one of an object that never was, so it is not repeated blindly.
			nonIdempotent: true,
			// A POST without a body makes Graph refuse the whole batch (github.com/microsoftgraph/msgraph-sdk-dotnet issue
			// 2628).
			body: []byte("{}"),
		}, nil
	default:
		return request{}, fmt.Errorf("msgraph: no request is known for a change of type %T", change)
	}
	r.body, err = encode(body)
	return r, err
}

func deletion(format string, values ...string) request {
	return request{method: http.MethodDelete, path: pathOf(format, values...)}
}

// outcomeOf reads what became of a change. A change that finds its work done already has succeeded.
func outcomeOf(change entra.Change, answered answer) entra.Outcome {
	if answered.skipped {
		return entra.Outcome{Skipped: true}
	}
	refused := entra.AsError(answered.err)
	switch change.(type) {
	case entra.CreateServicePrincipal:
		if refused != nil && refused.Status == http.StatusConflict &&
			refused.Code == "Request_MultipleObjectsWithSameKeyValue" {
			return entra.Outcome{}
		}
		object, err := decode[*servicePrincipal](answered, newServicePrincipal)
		if err != nil {
			return entra.Outcome{Err: err}
		}
		return entra.Outcome{ServicePrincipal: &object.ServicePrincipal}
	case entra.GrantAppRole:
		// The code is the general one, so only the text tells (github.com/hashicorp/terraform-provider-azuread).
		if refused != nil && strings.HasPrefix(refused.Message, "Permission being assigned already exists on the object") {
			return entra.Outcome{}
		}
		model, err := decode[models.AppRoleAssignmentable](answered, models.CreateAppRoleAssignmentFromDiscriminatorValue)
		if err != nil {
			return entra.Outcome{Err: err}
		}
		grant := toGrant(model)
		return entra.Outcome{Grant: &grant}
	case entra.RevokeAppRole, entra.DeleteApplication, entra.DeleteServicePrincipal, entra.PurgeDeletedItem:
		if entra.IsNotFound(answered.err) {
			return entra.Outcome{Absent: true}
		}
	}
	return entra.Outcome{Err: answered.err}
}
