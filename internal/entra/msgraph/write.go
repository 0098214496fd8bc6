package msgraph

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// UpsertApplication implements entra.Directory. A PATCH by uniqueName that creates what is missing is Graph's own
// idempotent create, so a lost response never makes a second application (Microsoft Graph: application-upsert).
// Rights: Application.ReadWrite.OwnedBy.
func (d *directory) UpsertApplication(ctx context.Context, uniqueName string, change entra.ApplicationChange) (made *entra.Application, lost bool, err error) {
	request := d.request(abstractions.PATCH, "/applications(uniqueName='{name}')", parameters{"name": strings.ReplaceAll(uniqueName, "'", "''")})
	request.Headers.Add("Prefer", "create-if-missing")
	if err := setBody(request, applicationBody{ApplicationChange: change}); err != nil {
		return nil, false, err
	}
	body, lost, err := d.send(ctx, request, true)
	if err != nil || len(body) == 0 { // 204: there was one
		return nil, lost, err
	}
	object, err := decode[*application](body, newApplication)
	if err != nil {
		return nil, lost, err
	}
	return &object.Application, lost, nil
}

// Write implements entra.Directory. Rights: Application.ReadWrite.OwnedBy for applications and service principals,
// AppRoleAssignment.ReadWrite.All for grants.
func (d *directory) Write(ctx context.Context, order entra.Order, changes ...entra.Change) []entra.Outcome {
	outcomes := make([]entra.Outcome, len(changes))
	all := func(err error) []entra.Outcome {
		for i := range outcomes {
			outcomes[i].Err = err
		}
		return outcomes
	}
	parts := make([]part, len(changes))
	for i, change := range changes {
		built, err := d.part(change)
		if err != nil {
			return all(err)
		}
		parts[i] = built
	}
	answers, err := d.batch(ctx, order, parts...)
	if err != nil {
		return all(err)
	}
	for i, answered := range answers {
		outcomes[i] = d.outcome(changes[i], answered)
		outcomes[i].Lost = answered.lost
	}
	return outcomes
}

// part builds the request of one change.
func (d *directory) part(change entra.Change) (part, error) {
	build := func(method abstractions.HttpMethod, template string, values parameters, body serialization.Parsable) (part, error) {
		request := d.request(method, template, values)
		if body != nil {
			if err := setBody(request, body); err != nil {
				return part{}, err
			}
		}
		return part{request: request, repeat: true}, nil
	}
	switch change := change.(type) {
	case entra.ApplicationChange:
		return build(abstractions.PATCH, "/applications/{id}", parameters{"id": change.ObjectID}, applicationBody{ApplicationChange: change})
	case entra.CreateServicePrincipal:
		return build(abstractions.POST, "/servicePrincipals", nil, servicePrincipalBody{clientID: &change.ClientID, tags: change.Tags})
	case entra.SetServicePrincipalEnabled:
		return build(abstractions.PATCH, "/servicePrincipals/{id}", parameters{"id": change.ObjectID}, servicePrincipalBody{enabled: &change.Enabled})
	case entra.GrantAppRole:
		body := models.NewAppRoleAssignment()
		body.SetPrincipalId(parseID(change.PrincipalID))
		body.SetResourceId(parseID(change.ResourceID))
		body.SetAppRoleId(parseID(change.RoleID))
		return build(abstractions.POST, "/servicePrincipals/{id}/appRoleAssignedTo", parameters{"id": change.ResourceID}, body)
	case entra.RevokeAppRole:
		return build(abstractions.DELETE, "/servicePrincipals/{id}/appRoleAssignments/{grant}",
			parameters{"id": change.PrincipalID, "grant": change.AssignmentID}, nil)
	case entra.DeleteApplication:
		return build(abstractions.DELETE, "/applications/{id}", parameters{"id": change.ObjectID}, nil)
	case entra.DeleteServicePrincipal:
		return build(abstractions.DELETE, "/servicePrincipals/{id}", parameters{"id": change.ObjectID}, nil)
	case entra.PurgeDeletedItem:
		return build(abstractions.DELETE, "/directory/deletedItems/{id}", parameters{"id": change.ObjectID}, nil)
	case entra.RestoreDeletedItem:
		// A second restore is answered like one of an object that never was, so it is not repeated blindly.
		built, err := build(abstractions.POST, "/directory/deletedItems/{id}/restore", parameters{"id": change.ObjectID}, nil)
		built.repeat = false
		// A POST without a body makes Graph refuse the whole batch (github.com/microsoftgraph/msgraph-sdk-dotnet issue 2628).
		built.request.SetStreamContentAndContentType([]byte("{}"), "application/json")
		return built, err
	}
	return part{}, fmt.Errorf("msgraph: no request is known for a change of type %T", change)
}

// outcome reads what Graph made of a change. A change that finds its work done already has succeeded.
func (d *directory) outcome(change entra.Change, answered answer) entra.Outcome {
	if answered.skipped {
		return entra.Outcome{Skipped: true}
	}
	refused := entra.AsError(answered.err)
	switch change.(type) {
	case entra.CreateServicePrincipal:
		if refused != nil && refused.Status == http.StatusConflict && refused.Code == "Request_MultipleObjectsWithSameKeyValue" {
			return entra.Outcome{}
		}
		object, err := decoded[*servicePrincipal](answered, newServicePrincipal)
		if err != nil {
			return entra.Outcome{Err: err}
		}
		return entra.Outcome{ServicePrincipal: &object.ServicePrincipal}
	case entra.GrantAppRole:
		// The code is the general one, so only the text tells (github.com/hashicorp/terraform-provider-azuread).
		if refused != nil && strings.HasPrefix(refused.Message, "Permission being assigned already exists on the object") {
			return entra.Outcome{}
		}
		model, err := decoded[models.AppRoleAssignmentable](answered, models.CreateAppRoleAssignmentFromDiscriminatorValue)
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

func decoded[T serialization.Parsable](answered answer, factory serialization.ParsableFactory) (T, error) {
	var none T
	if answered.err != nil {
		return none, answered.err
	}
	return decode[T](answered.body, factory)
}

func setBody(request *abstractions.RequestInformation, body serialization.Parsable) error {
	writer := jsonserialization.NewJsonSerializationWriter()
	defer func() { _ = writer.Close() }()
	err := writer.WriteObjectValue("", body)
	if err != nil {
		return fmt.Errorf("building a Microsoft Graph request: %w", err)
	}
	content, err := writer.GetSerializedContent()
	if err != nil {
		return fmt.Errorf("building a Microsoft Graph request: %w", err)
	}
	request.SetStreamContentAndContentType(content, "application/json")
	return nil
}
