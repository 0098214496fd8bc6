package graph

import (
	"encoding/json"
	"maps"
)

// storedProperties are properties that are kept and returned without a behaviour of their own here, with the value
// that an object has which nobody set them on (Microsoft Graph: application and servicePrincipal resource types).
// The value also tells the type; where it is null, the property takes a text or an object.
type storedProperties map[string]any

var applicationStored = storedProperties{
	"addIns": []any{},
	"api": object{
		"acceptMappedClaims": nil, "knownClientApplications": []any{}, "requestedAccessTokenVersion": nil,
		"oauth2PermissionScopes": []any{}, "preAuthorizedApplications": []any{},
	},
	"authenticationBehaviors": nil,
	"defaultRedirectUri":      nil,
	"groupMembershipClaims":   nil,
	"info": object{"logoUrl": nil, "marketingUrl": nil, "privacyStatementUrl": nil,
		"supportUrl": nil, "termsOfServiceUrl": nil},
	"isDeviceOnlyAuthSupported":    nil,
	"isFallbackPublicClient":       nil,
	"oauth2RequirePostResponse":    false,
	"optionalClaims":               nil,
	"parentalControlSettings":      object{"countriesBlockedForMinors": []any{}, "legalAgeGroupRule": "Allow"},
	"publicClient":                 object{"redirectUris": []any{}},
	"requestSignatureVerification": nil,
	"samlMetadataUrl":              nil,
	"servicePrincipalLockConfiguration": object{"isEnabled": true, "allProperties": true,
		"credentialsWithUsageVerify": true, "credentialsWithUsageSign": true, "tokenEncryptionKeyId": true},
	"spa":                  object{"redirectUris": []any{}},
	"tokenEncryptionKeyId": nil,
	"web": object{
		"homePageUrl": nil, "logoutUrl": nil, "redirectUris": []any{}, "redirectUriSettings": []any{},
		"implicitGrantSettings": object{"enableAccessTokenIssuance": false, "enableIdTokenIssuance": false},
	},
}

var servicePrincipalStored = storedProperties{
	"addIns":                    []any{},
	"alternativeNames":          []any{},
	"appDescription":            nil,
	"description":               nil,
	"disabledByMicrosoftStatus": nil,
	"homepage":                  nil,
	"info": object{"logoUrl": nil, "marketingUrl": nil, "privacyStatementUrl": nil,
		"supportUrl": nil, "termsOfServiceUrl": nil},
	"loginUrl":                               nil,
	"logoutUrl":                              nil,
	"notes":                                  nil,
	"notificationEmailAddresses":             []any{},
	"oauth2PermissionScopes":                 []any{},
	"preferredSingleSignOnMode":              nil,
	"preferredTokenSigningKeyThumbprint":     nil,
	"replyUrls":                              []any{},
	"resourceSpecificApplicationPermissions": []any{},
	"samlSingleSignOnSettings":               nil,
	"tokenEncryptionKeyId":                   nil,
	"verifiedPublisher":                      object{"addedDateTime": nil, "displayName": nil, "verifiedPublisherId": nil},
}

// with returns the stored values with one more. Objects are merged, as a PATCH of a complex property does; null
// returns a property to its first value, and a field of an object, too.
func (s storedProperties) with(stored map[string]any, name, resource string, raw json.RawMessage) (map[string]any,
	*apiError) {
	first := s[name]
	value, failure := decoded[any](name, resource, raw)
	if failure != nil {
		return nil, failure
	}
	changed := maps.Clone(stored)
	if changed == nil {
		changed = map[string]any{}
	}
	if value == nil {
		delete(changed, name)
		return changed, nil
	}
	switch first := first.(type) {
	case nil: // any type
	case bool:
		_, ok := value.(bool)
		failure = invalidUnless(ok, name, resource)
	case []any:
		_, ok := value.([]any)
		failure = invalidUnless(ok, name, resource)
	case object:
		fields, ok := value.(object)
		failure = invalidUnless(ok, name, resource)
		merged := maps.Clone(first)
		if before, set := stored[name].(object); set {
			merged = maps.Clone(before)
		}
		for field, set := range fields {
			if merged[field] = set; set == nil {
				merged[field] = first[field]
			}
		}
		value = merged
	}
	changed[name] = value
	return changed, failure
}

func invalidUnless(ok bool, property, resource string) *apiError {
	if ok {
		return nil
	}
	return invalidValue(property, resource)
}

// orNull is a value that may be absent from a request.
func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

// entity starts an entity from the stored properties.
func (s storedProperties) entity(stored map[string]any) object {
	e := object(maps.Clone(s))
	maps.Copy(e, stored)
	return e
}
