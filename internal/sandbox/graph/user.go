package graph

import (
	"net/http"
	"slices"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// The rights to mailbox settings are not in the route, for it is Exchange that refuses, in words of its own.
var (
	userReaders           = []string{userRead, userWrite, userReadBasic, directoryRead, directoryWrite}
	mailboxSettingsRights = []string{"MailboxSettings.Read", "MailboxSettings.ReadWrite"}
)

// userRoutes are the operations on users.
var userRoutes = []route{
	{http.MethodGet, "users", userReaders, (*call).listUsers},
	{http.MethodGet, "users/{user}", userReaders, (*call).getUser},
	{http.MethodGet, "users/{user}/mailboxSettings", nil, (*call).getMailboxSettings},
}

// basicUser is what User.ReadBasic.All lets see; defaultUser is what is shown of a user when nothing is selected
// (Microsoft Graph: permissions reference; user resource type).
var (
	basicUser   = []string{"id", "displayName", "givenName", "mail", "surname", "userPrincipalName"}
	defaultUser = []string{"id", "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone",
		"officeLocation", "preferredLanguage", "surname", "userPrincipalName"}
)

func userEntity(u tenant.User) object {
	given, surname, _ := strings.Cut(u.DisplayName, " ")
	nickname, _, _ := strings.Cut(u.UserPrincipalName, "@")
	licences := []object{}
	if len(u.Plans) > 0 {
		licences = append(licences, object{"disabledPlans": []string{}, "skuId": u.Plans[0].ServicePlanID})
	}
	return object{
		"id":                    u.ID,
		"accountEnabled":        u.Enabled,
		"assignedLicenses":      licences,
		"assignedPlans":         tenant.NonNil(u.Plans),
		"businessPhones":        []string{},
		"createdDateTime":       timestamp(tenant.Created),
		"deletedDateTime":       nil,
		"displayName":           u.DisplayName,
		"givenName":             text(given),
		"jobTitle":              nil,
		"mail":                  text(u.Mail),
		"mailNickname":          nickname,
		"mobilePhone":           nil,
		"officeLocation":        nil,
		"onPremisesSyncEnabled": nil,
		"otherMails":            []string{},
		"preferredLanguage":     nil,
		"proxyAddresses":        tenant.NonNil(u.ProxyAddresses),
		"surname":               text(surname),
		"usageLocation":         "DE",
		"userPrincipalName":     u.UserPrincipalName,
		"userType":              "Member",
	}
}

// visible keeps what the caller may see of a user. A property that the caller may not see is absent from the answer
// (unconfirmed).
func (c *call) visible(entity object) object {
	basicOnly := !slices.ContainsFunc([]string{userRead, userWrite, directoryRead, directoryWrite}, c.token.HasRole)
	for property := range entity {
		hidden := basicOnly && !slices.Contains(basicUser, property)
		if hidden || len(c.query.Selected) == 0 && !slices.Contains(defaultUser, property) {
			delete(entity, property)
		}
	}
	return entity
}

func (c *call) listUsers() *apiError {
	return c.many(collection{
		context: "users",
		schema:  userEntity(tenant.User{}),
		filterable: []string{"id", "accountEnabled", "displayName", "mail", "mailNickname", "proxyAddresses",
			"userPrincipalName", "userType"},
		sortable:   []string{"displayName", "userPrincipalName"},
		searchable: []string{"displayName", "mail", "userPrincipalName"},
		rows: func(v tenant.View) []object {
			return tenant.Mapped(c.tenant.Directory.Users.List(v, nil), userEntity)
		},
		shown: c.visible,
	})
}

// findUser finds a user by ID or user principal name. No other address names a user (Microsoft Graph: user-get).
func (c *call) findUser(v tenant.View) (tenant.User, bool) {
	name := c.keys["user"].value
	return c.tenant.Directory.Users.First(v, func(u tenant.User) bool {
		return strings.EqualFold(u.ID, name) || strings.EqualFold(u.UserPrincipalName, name)
	})
}

func (c *call) getUser() *apiError {
	found, ok := c.findUser(c.Reads)
	if !ok {
		return notFound(c.keys["user"].value)
	}
	return c.one(http.StatusOK, "users", c.visible(userEntity(found)), userEntity(tenant.User{}))
}

// getMailboxSettings is answered by Exchange, whose errors look different from the directory's. In which order it
// looks at the caller's right and at the mailbox is unconfirmed.
func (c *call) getMailboxSettings() *apiError {
	account, ok := c.findUser(c.Reads)
	exchange := c.api.world.ExchangeKnows(c.tenant, c.r)
	refused := &apiError{status: http.StatusForbidden, code: "ErrorAccessDenied",
		message: "Access is denied. Check credentials and try again."}
	switch {
	case !slices.ContainsFunc(mailboxSettingsRights, c.token.HasRole):
		return refused
	case !ok:
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
