package msgraph

import (
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// The SDK's models of applications, service principals and users know how to read whatever can hang on one of those,
// which in the end is every type that Microsoft Graph has: 27 MB of a binary of 51, for two dozen properties. The types
// here read and write what this package selects. The parts of these objects are the SDK's models.

// fields says how each property of an object is read.
type fields = map[string]func(serialization.ParseNode) error

type application struct {
	readOnly
	entra.Application
}

func newApplication(serialization.ParseNode) (serialization.Parsable, error) {
	return &application{}, nil
}

// GetFieldDeserializers implements serialization.Parsable.
func (a *application) GetFieldDeserializers() fields {
	return fields{
		"id":                     text(&a.ObjectID),
		"appId":                  text(&a.ClientID),
		"displayName":            text(&a.DisplayName),
		"uniqueName":             text(&a.UniqueName),
		"signInAudience":         text(&a.SignInAudience),
		"tags":                   texts(&a.Tags),
		"createdDateTime":        moment(&a.CreatedAt),
		"deletedDateTime":        optional(&a.DeletedAt, serialization.ParseNode.GetTimeValue),
		"requiredResourceAccess": each(models.CreateRequiredResourceAccessFromDiscriminatorValue, a.declare),
		"keyCredentials":         each(models.CreateKeyCredentialFromDiscriminatorValue, a.addKey),
		"passwordCredentials":    each(models.CreatePasswordCredentialFromDiscriminatorValue, a.addPassword),
	}
}

func (a *application) declare(api models.RequiredResourceAccessable) {
	for _, access := range api.GetResourceAccess() {
		if access == nil { // the SDK keeps null entries
			continue
		}
		ref := entra.RoleRef{ResourceAppID: value(api.GetResourceAppId()), RoleID: id(access.GetId())}
		if value(access.GetTypeEscaped()) == typeRole {
			a.Declared = append(a.Declared, ref)
		} else {
			a.DeclaredScopes = append(a.DeclaredScopes, ref)
		}
	}
}

func (a *application) addKey(key models.KeyCredentialable) {
	a.Keys = append(a.Keys, entra.KeyCredential{
		KeyID:               id(key.GetKeyId()),
		DisplayName:         value(key.GetDisplayName()),
		Type:                value(key.GetTypeEscaped()),
		Usage:               value(key.GetUsage()),
		CustomKeyIdentifier: identifierToWire(key.GetCustomKeyIdentifier()),
		NotBefore:           value(key.GetStartDateTime()),
		NotAfter:            value(key.GetEndDateTime()),
	})
}

func (a *application) addPassword(password models.PasswordCredentialable) {
	a.Passwords = append(a.Passwords, entra.PasswordCredential{
		KeyID:       id(password.GetKeyId()),
		DisplayName: value(password.GetDisplayName()),
		Hint:        value(password.GetHint()),
		NotAfter:    value(password.GetEndDateTime()),
	})
}

// applicationBody is the body of an application's PATCH. What is nil in the change is left out of it.
type applicationBody struct {
	writeOnly
	entra.ApplicationChange
}

// Serialize implements serialization.Parsable.
func (a applicationBody) Serialize(writer serialization.SerializationWriter) error {
	err := errors.Join(
		writer.WriteStringValue("displayName", a.DisplayName),
		writer.WriteStringValue("signInAudience", a.SignInAudience),
	)
	if a.Tags != nil {
		err = errors.Join(err, writer.WriteCollectionOfStringValues("tags", a.Tags))
	}
	if a.Declared != nil {
		err = errors.Join(err, writer.WriteCollectionOfObjectValues("requiredResourceAccess",
			fromDeclared(*a.Declared, a.DeclaredScopes)))
	}
	if a.Keys != nil {
		keys := make([]serialization.Parsable, 0, len(*a.Keys))
		for _, key := range *a.Keys {
			keys = append(keys, fromKey(key))
		}
		err = errors.Join(err, writer.WriteCollectionOfObjectValues("keyCredentials", keys))
	}
	return err
}

// servicePrincipal is a service principal, of an app registration or of an API.
type servicePrincipal struct {
	readOnly
	entra.ServicePrincipal
	Roles []entra.AppRole
}

func newServicePrincipal(serialization.ParseNode) (serialization.Parsable, error) {
	return &servicePrincipal{}, nil
}

// GetFieldDeserializers implements serialization.Parsable.
func (s *servicePrincipal) GetFieldDeserializers() fields {
	return fields{
		"id":              text(&s.ObjectID),
		"appId":           text(&s.ClientID),
		"displayName":     text(&s.DisplayName),
		"accountEnabled":  flag(&s.Enabled),
		"tags":            texts(&s.Tags),
		"deletedDateTime": moment(&s.DeletedAt),
		"appRoles":        each(models.CreateAppRoleFromDiscriminatorValue, s.addRole),
	}
}

func (s *servicePrincipal) addRole(role models.AppRoleable) {
	s.Roles = append(s.Roles, entra.AppRole{
		ID:          id(role.GetId()),
		Value:       value(role.GetValue()),
		DisplayName: value(role.GetDisplayName()),
		Enabled:     value(role.GetIsEnabled()),
		Application: slices.Contains(role.GetAllowedMemberTypes(), "Application"),
	})
}

// resource is the service principal of an API.
func (s *servicePrincipal) resource() entra.ResourceApplication {
	return entra.ResourceApplication{ObjectID: s.ObjectID, AppID: s.ClientID, DisplayName: s.DisplayName, Roles: s.Roles}
}

// servicePrincipalBody is the body of a service principal's POST or PATCH, without what is nil.
type servicePrincipalBody struct {
	writeOnly
	clientID *string
	enabled  *bool
	tags     []string
}

// Serialize implements serialization.Parsable.
func (s servicePrincipalBody) Serialize(writer serialization.SerializationWriter) error {
	err := errors.Join(
		writer.WriteStringValue("appId", s.clientID),
		writer.WriteBoolValue("accountEnabled", s.enabled),
	)
	if s.tags != nil {
		err = errors.Join(err, writer.WriteCollectionOfStringValues("tags", s.tags))
	}
	return err
}

type user struct {
	readOnly
	entra.User
}

func newUser(serialization.ParseNode) (serialization.Parsable, error) { return &user{}, nil }

// GetFieldDeserializers implements serialization.Parsable.
func (u *user) GetFieldDeserializers() fields {
	return fields{
		"id":                text(&u.ObjectID),
		"userPrincipalName": text(&u.UserPrincipalName),
		"mail":              text(&u.Mail),
		"accountEnabled":    flag(&u.Enabled),
		"proxyAddresses":    texts(&u.ProxyAddresses),
		"assignedPlans":     each(models.CreateAssignedPlanFromDiscriminatorValue, u.addPlan),
	}
}

func (u *user) addPlan(plan models.AssignedPlanable) {
	u.Plans = append(u.Plans, entra.AssignedPlan{
		Service:       value(plan.GetService()),
		ServicePlanID: id(plan.GetServicePlanId()),
		Status:        value(plan.GetCapabilityStatus()),
	})
}

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
		if domain == nil { // the SDK keeps null entries
			continue
		}
		organization.Domains = append(organization.Domains, entra.Domain{
			Name:    value(domain.GetName()),
			Default: value(domain.GetIsDefault()),
			Initial: value(domain.GetIsInitial()),
		})
	}
	return organization
}
