package graph

import (
	"net/http"
	"slices"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// The rights to users and to their managers. Directory.ReadWrite.All deletes none. The rights to mailbox settings are
// not in the route, because Exchange refuses, in words of its own.
var (
	userReaders           = []string{userRead, userWrite, userReadBasic, directoryRead, directoryWrite}
	userMakers            = []string{userCreate, userWrite, directoryWrite}
	userWriters           = []string{userWrite, directoryWrite}
	userDeleters          = []string{userDeleteRestore, userWrite}
	managerReaders        = []string{userRead, userWrite, directoryRead, directoryWrite}
	mailboxSettingsRights = []string{"MailboxSettings.Read", "MailboxSettings.ReadWrite"}
)

// userRoutes are the operations on users. What a right to some properties alone lets change is in partialUserRights.
var userRoutes = []route{
	{http.MethodGet, "users", userReaders, (*call).listUsers},
	{http.MethodPost, "users", userMakers, (*call).postUser},
	{http.MethodGet, "users/{user}", userReaders, (*call).getUser},
	{http.MethodPatch, "users/{user}",
		[]string{userWrite, directoryWrite, userPassword, userEnable, userPhone, userOtherMail}, (*call).patchUser},
	{http.MethodDelete, "users/{user}", userDeleters, (*call).deleteUser},
	{http.MethodGet, "users/{user}/manager", managerReaders, (*call).getManager},
	{http.MethodPut, "users/{user}/manager/$ref", userWriters, (*call).putManager},
	{http.MethodDelete, "users/{user}/manager/$ref", userWriters, (*call).deleteManager},
	{http.MethodGet, "users/{user}/mailboxSettings", nil, (*call).getMailboxSettings},
}

// basicUser is what User.ReadBasic.All lets see; defaultUser is what is shown of a user when nothing is selected
// (Microsoft Graph: permissions reference; user resource type).
var (
	basicUser   = []string{"id", "displayName", "givenName", "mail", "surname", "userPrincipalName"}
	defaultUser = []string{"id", "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone",
		"officeLocation", "preferredLanguage", "surname", "userPrincipalName"}
)

// userStored are the properties of a user without a behaviour here (Microsoft Graph: user resource type).
var userStored = storedProperties{
	"ageGroup":                nil,
	"businessPhones":          []any{},
	"city":                    nil,
	"companyName":             nil,
	"consentProvidedForMinor": nil,
	"country":                 nil,
	"department":              nil,
	"employeeHireDate":        nil,
	"employeeId":              nil,
	"employeeOrgData":         object{"costCenter": nil, "division": nil},
	"employeeType":            nil,
	"faxNumber":               nil,
	"givenName":               nil,
	"jobTitle":                nil,
	"mobilePhone":             nil,
	"officeLocation":          nil,
	"onPremisesImmutableId":   nil,
	"otherMails":              []any{},
	"passwordPolicies":        nil,
	"postalCode":              nil,
	"preferredLanguage":       nil,
	"showInAddressList":       nil,
	"state":                   nil,
	"streetAddress":           nil,
	"surname":                 nil,
	"usageLocation":           nil,
	"userType":                "Member",
}

// userNever are the properties of a user that nothing here sets: they are of guests, and of users that are
// synchronized from on premises.
var userNever = []string{"creationType", "externalUserState", "onPremisesDistinguishedName", "onPremisesDomainName",
	"onPremisesSamAccountName", "onPremisesSecurityIdentifier", "onPremisesSyncEnabled", "onPremisesUserPrincipalName"}

func userEntity(u tenant.User) object {
	licences := []object{}
	if len(u.Plans) > 0 {
		licences = append(licences, object{"disabledPlans": []string{}, "skuId": u.Plans[0].ServicePlanID})
	}
	e := userStored.entity(u.ExtraProperties)
	for _, name := range userNever {
		e[name] = nil
	}
	e["id"] = u.ID
	e["accountEnabled"] = u.Enabled
	e["assignedLicenses"] = licences
	e["assignedPlans"] = tenant.NonNil(u.Plans)
	e["createdDateTime"] = timestamp(u.CreatedAt)
	e["deletedDateTime"] = nil
	e["displayName"] = u.DisplayName
	e["imAddresses"] = []string{}
	e["lastPasswordChangeDateTime"] = timestamp(u.PasswordSetAt)
	e["mail"] = text(u.Mail)
	e["mailNickname"] = u.MailNickname
	e["proxyAddresses"] = tenant.NonNil(u.ProxyAddresses)
	e["userPrincipalName"] = u.UserPrincipalName
	return e
}

// visible keeps what the caller may see of a user. A property that the caller may not see is absent from the answer
// (unconfirmed).
func (c *call) visible(entity object) object { return c.visibleOf(entity, defaultUser) }

// visibleOf is visible where other properties than a user's usual ones are shown when nothing is selected.
func (c *call) visibleOf(entity object, byDefault []string) object {
	basicOnly := !slices.ContainsFunc([]string{userRead, userWrite, directoryRead, directoryWrite}, c.token.HasRole)
	for property := range entity {
		hidden := basicOnly && !slices.Contains(basicUser, property) ||
			len(c.query.Selected) == 0 && !slices.Contains(byDefault, property)
		if hidden && property != "@odata.type" {
			delete(entity, property)
		}
	}
	return entity
}

func (c *call) listUsers() *apiError {
	return c.many(collection{
		context: "users",
		schema:  userEntity(tenant.User{}),
		filterable: []string{"id", "accountEnabled", "ageGroup", "city", "companyName", "country", "createdDateTime",
			"department", "displayName", "employeeId", "employeeType", "givenName", "jobTitle", "mail", "mailNickname",
			"mobilePhone", "officeLocation", "otherMails", "postalCode", "preferredLanguage", "proxyAddresses", "state",
			"surname", "usageLocation", "userPrincipalName", "userType"},
		sortable:   []string{"displayName", "userPrincipalName"},
		searchable: []string{"displayName", "mail", "userPrincipalName"},
		rows: func(v tenant.View) []object {
			return tenant.Mapped(c.tenant.Directory.Users.List(v, nil), userEntity)
		},
		shown: c.visible,
	})
}

// findUser finds a user by ID or user principal name. No other address names a user (Microsoft Graph: user-get).
func (c *call) findUser(v tenant.View) (tenant.User, *apiError) {
	name := c.keys["user"].value
	found, ok := c.tenant.Directory.Users.First(v, func(u tenant.User) bool {
		return strings.EqualFold(u.ID, name) || strings.EqualFold(u.UserPrincipalName, name)
	})
	if !ok || !knows(c, &c.tenant.Directory.Users, found.ID) {
		return found, notFound(name)
	}
	return found, nil
}

func (c *call) getUser() *apiError {
	found, failure := c.findUser(c.Reads)
	if failure != nil {
		return failure
	}
	return c.one(http.StatusOK, "users", c.visible(userEntity(found)), userEntity(tenant.User{}))
}

// getMailboxSettings is answered by Exchange, whose errors look different from the directory's. In which order it
// looks at the caller's right and at the mailbox is unconfirmed.
func (c *call) getMailboxSettings() *apiError {
	account, failure := c.findUser(c.Reads)
	exchange := c.api.world.ExchangeKnows(c.tenant, c.r)
	refused := &apiError{status: http.StatusForbidden, code: "ErrorAccessDenied",
		message: "Access is denied. Check credentials and try again."}
	switch {
	case !slices.ContainsFunc(mailboxSettingsRights, c.token.HasRole):
		return refused
	case failure != nil:
		name := c.keys["user"].value
		return &apiError{status: http.StatusNotFound, code: "ErrorInvalidUser",
			message: "The requested user '" + name + "' is invalid."}
	case account.Mailbox == tenant.Unlicensed || account.Mailbox == tenant.NoMailbox:
		return &apiError{status: http.StatusNotFound, code: "MailboxNotEnabledForRESTAPI",
			message: "The mailbox is either inactive, soft-deleted, or is hosted on-premise."}
	case exchange.Has(exchange.OutOfScope, account):
		return refused
	}
	return c.write(http.StatusOK, object{
		"@odata.context": c.link("$metadata#users('%s')/mailboxSettings", account.ID),
		"archiveFolder":  nil,
		"automaticRepliesSetting": object{
			"status": "disabled", "externalAudience": "all", "internalReplyMessage": "", "externalReplyMessage": "",
		},
		"dateFormat":                            "dd.MM.yyyy",
		"delegateMeetingMessageDeliveryOptions": "sendToDelegateOnly",
		"language":                              object{"locale": "en-US", "displayName": "English (United States)"},
		"timeFormat":                            "HH:mm",
		"timeZone":                              "W. Europe Standard Time",
		"userPurpose":                           "user",
		"workingHours": object{
			"daysOfWeek": []string{"monday", "tuesday", "wednesday", "thursday", "friday"},
			"startTime":  "08:00:00.0000000", "endTime": "17:00:00.0000000",
			"timeZone": object{"name": "W. Europe Standard Time"},
		},
	})
}
