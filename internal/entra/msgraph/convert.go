package msgraph

import (
	"encoding/base64"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// The SDK's models hold pointers throughout, any of them nil.
func value[T any](pointer *T) T {
	var none T
	if pointer == nil {
		return none
	}
	return *pointer
}

func id(pointer *uuid.UUID) string {
	if pointer == nil {
		return ""
	}
	return pointer.String()
}

const (
	typeRole  = "Role"  // an application permission in requiredResourceAccess
	typeScope = "Scope" // a delegated one
)

func toApplication(model models.Applicationable) *entra.Application {
	application := &entra.Application{
		ObjectID:       value(model.GetId()),
		ClientID:       value(model.GetAppId()),
		DisplayName:    value(model.GetDisplayName()),
		UniqueName:     value(model.GetUniqueName()),
		SignInAudience: value(model.GetSignInAudience()),
		Tags:           model.GetTags(),
		CreatedAt:      value(model.GetCreatedDateTime()),
		DeletedAt:      model.GetDeletedDateTime(),
	}
	for _, api := range model.GetRequiredResourceAccess() {
		for _, access := range api.GetResourceAccess() {
			ref := entra.RoleRef{ResourceAppID: value(api.GetResourceAppId()), RoleID: id(access.GetId())}
			if value(access.GetTypeEscaped()) == typeRole {
				application.Declared = append(application.Declared, ref)
			} else {
				application.DeclaredScopes = append(application.DeclaredScopes, ref)
			}
		}
	}
	for _, key := range model.GetKeyCredentials() {
		application.Keys = append(application.Keys, entra.KeyCredential{
			KeyID:               id(key.GetKeyId()),
			DisplayName:         value(key.GetDisplayName()),
			Type:                value(key.GetTypeEscaped()),
			Usage:               value(key.GetUsage()),
			CustomKeyIdentifier: identifierToWire(key.GetCustomKeyIdentifier()),
			NotBefore:           value(key.GetStartDateTime()),
			NotAfter:            value(key.GetEndDateTime()),
		})
	}
	for _, password := range model.GetPasswordCredentials() {
		application.Passwords = append(application.Passwords, entra.PasswordCredential{
			KeyID:       id(password.GetKeyId()),
			DisplayName: value(password.GetDisplayName()),
			Hint:        value(password.GetHint()),
			NotAfter:    value(password.GetEndDateTime()),
		})
	}
	return application
}

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

// fromChange builds the body of an application's PATCH. What is nil in the change is left out of it.
func fromChange(change entra.ApplicationChange) models.Applicationable {
	model := models.NewApplication()
	model.SetDisplayName(change.DisplayName)
	model.SetSignInAudience(change.SignInAudience)
	if change.Tags != nil {
		model.SetTags(change.Tags)
	}
	if change.Declared != nil {
		model.SetRequiredResourceAccess(fromDeclared(*change.Declared, change.DeclaredScopes))
	}
	if change.Keys != nil {
		keys := make([]models.KeyCredentialable, 0, len(*change.Keys))
		for _, key := range *change.Keys {
			keys = append(keys, fromKey(key))
		}
		model.SetKeyCredentials(keys)
	}
	return model
}

// fromDeclared groups the permissions by API, in the order in which the APIs come first.
func fromDeclared(roles, scopes []entra.RoleRef) []models.RequiredResourceAccessable {
	access := map[string]models.RequiredResourceAccessable{}
	declared := make([]models.RequiredResourceAccessable, 0, 2)
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

func toServicePrincipal(model models.ServicePrincipalable) *entra.ServicePrincipal {
	return &entra.ServicePrincipal{
		ObjectID:    value(model.GetId()),
		ClientID:    value(model.GetAppId()),
		DisplayName: value(model.GetDisplayName()),
		Enabled:     value(model.GetAccountEnabled()),
		Tags:        model.GetTags(),
	}
}

func toResourceApplication(model models.ServicePrincipalable) entra.ResourceApplication {
	api := entra.ResourceApplication{
		ObjectID:    value(model.GetId()),
		AppID:       value(model.GetAppId()),
		DisplayName: value(model.GetDisplayName()),
	}
	for _, role := range model.GetAppRoles() {
		api.Roles = append(api.Roles, entra.AppRole{
			ID:          id(role.GetId()),
			Value:       value(role.GetValue()),
			DisplayName: value(role.GetDisplayName()),
			Enabled:     value(role.GetIsEnabled()),
			Application: slices.Contains(role.GetAllowedMemberTypes(), "Application"),
		})
	}
	return api
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

func toUser(model models.Userable) *entra.User {
	user := &entra.User{
		ObjectID:          value(model.GetId()),
		UserPrincipalName: value(model.GetUserPrincipalName()),
		Mail:              value(model.GetMail()),
		Enabled:           value(model.GetAccountEnabled()),
		ProxyAddresses:    model.GetProxyAddresses(),
	}
	for _, plan := range model.GetAssignedPlans() {
		user.Plans = append(user.Plans, entra.AssignedPlan{
			Service:       value(plan.GetService()),
			ServicePlanID: id(plan.GetServicePlanId()),
			Status:        value(plan.GetCapabilityStatus()),
		})
	}
	return user
}
