package msgraph

import (
	"encoding/base64"
	"time"

	"github.com/google/uuid"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

const (
	typeRole  = "Role"  // an application permission in requiredResourceAccess
	typeScope = "Scope" // a delegated one
)

// identifierToWire undoes what the SDK does to customKeyIdentifier. Graph sends the thumbprint's hex digits where its
// schema promises base64; the SDK decodes them as base64 all the same. Encoding gives the digits back.
func identifierToWire(decoded []byte) string { return base64.StdEncoding.EncodeToString(decoded) }

// identifierFromWire is the way back, for a key that is sent again in order to keep it.
func identifierFromWire(wire string) []byte {
	decoded, err := base64.StdEncoding.DecodeString(wire)
	if err != nil {
		return nil // never Graph's own value; Graph then keeps what it has
	}
	return decoded
}

// fromDeclared groups the permissions by API, in the order in which the APIs come first.
func fromDeclared(roles, scopes []entra.RoleRef) []serialization.Parsable {
	access := map[string]models.RequiredResourceAccessable{}
	declared := make([]serialization.Parsable, 0, 2)
	add := func(refs []entra.RoleRef, kind string) {
		for _, ref := range refs {
			api, known := access[ref.ResourceAppID]
			if !known {
				api = models.NewRequiredResourceAccess()
				api.SetResourceAppId(&ref.ResourceAppID)
				access[ref.ResourceAppID] = api
				declared = append(declared, api)
			}
			entry := models.NewResourceAccess()
			entry.SetId(parseID(ref.RoleID))
			entry.SetTypeEscaped(&kind)
			api.SetResourceAccess(append(api.GetResourceAccess(), entry))
		}
	}
	add(roles, typeRole)
	add(scopes, typeScope)
	return declared
}

// fromKey builds a key credential: a new one with its certificate and without dates, which Entra then takes from the
// certificate; or a repeated one exactly as it was read, since Entra refuses to change an existing key.
func fromKey(key entra.KeyCredential) models.KeyCredentialable {
	model := models.NewKeyCredential()
	if key.DisplayName != "" {
		model.SetDisplayName(&key.DisplayName)
	}
	model.SetTypeEscaped(&key.Type)
	model.SetUsage(&key.Usage)
	model.SetKeyId(parseID(key.KeyID))
	if key.Certificate != nil {
		model.SetKey(key.Certificate)
		return model
	}
	model.SetCustomKeyIdentifier(identifierFromWire(key.CustomKeyIdentifier))
	model.SetStartDateTime(utc(key.NotBefore))
	model.SetEndDateTime(utc(key.NotAfter))
	return model
}

func utc(moment time.Time) *time.Time {
	moment = moment.UTC()
	return &moment
}

func parseID(text string) *uuid.UUID {
	parsed, err := uuid.Parse(text)
	if err != nil {
		return nil
	}
	return &parsed
}

func toGrant(model models.AppRoleAssignmentable) entra.AppRoleAssignment {
	return entra.AppRoleAssignment{
		ID:           value(model.GetId()),
		RoleID:       id(model.GetAppRoleId()),
		PrincipalID:  id(model.GetPrincipalId()),
		ResourceID:   id(model.GetResourceId()),
		ResourceName: value(model.GetResourceDisplayName()),
		CreatedAt:    value(model.GetCreatedDateTime()),
	}
}

func toOrganization(model models.Organizationable) *entra.Organization {
	organization := &entra.Organization{TenantID: value(model.GetId()), DisplayName: value(model.GetDisplayName())}
	for _, domain := range model.GetVerifiedDomains() {
		organization.Domains = append(organization.Domains, entra.Domain{
			Name:    value(domain.GetName()),
			Default: value(domain.GetIsDefault()),
			Initial: value(domain.GetIsInitial()),
		})
	}
	return organization
}
