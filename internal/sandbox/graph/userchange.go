package graph

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// partialUserRights are the rights to change some properties of users and no others (Microsoft Graph: permissions
// reference).
var partialUserRights = map[string]string{
	"accountEnabled": userEnable, "businessPhones": userPhone, "mobilePhone": userPhone, "otherMails": userOtherMail,
}

// mayChange refuses properties that the caller may not change. A password is changed by the right to passwords alone:
// for User.ReadWrite.All to suffice, the caller needs a directory role, which no caller here has.
func (c *call) mayChange(body map[string]json.RawMessage) *apiError {
	all := slices.ContainsFunc(userWriters, c.token.HasRole)
	for name := range body {
		allowed := all
		if partial, has := partialUserRights[name]; has {
			allowed = all || c.token.HasRole(partial)
		}
		if name == "passwordProfile" {
			allowed = c.token.HasRole(userPassword)
		}
		if !allowed {
			return denied()
		}
	}
	return nil
}

// postUser makes a user. It has no licence, and so no mailbox, whatever its properties.
func (c *call) postUser() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	for _, name := range []string{"accountEnabled", "displayName", "mailNickname", "userPrincipalName"} {
		if raw, set := body[name]; !set || string(raw) == "null" {
			return missing(name, "User")
		}
	}
	made := tenant.User{ID: uuid.NewString(), CreatedAt: c.now(), Mailbox: tenant.Unlicensed}
	if failure := c.setUser(&made, body); failure != nil {
		return failure
	}
	if made.PasswordSetAt.IsZero() {
		return refuse(badRequest, "A password must be specified to create a new user.")
	}
	c.tenant.Directory.Users.Put(c.api.world.Now(), made.ID, made)
	return c.created("users", "User", c.visible(userEntity(made)))
}

func (c *call) patchUser() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	changed, failure := c.findUser(tenant.Present())
	if failure == nil {
		failure = c.mayChange(body)
	}
	if failure == nil {
		failure = c.setUser(&changed, body)
	}
	if failure != nil {
		return failure
	}
	c.tenant.Directory.Users.Put(c.api.world.Now(), changed.ID, changed)
	return c.noContent()
}

// deleteUser moves a user to the recycle bin. Groups and other objects keep their references to it, which count again
// once it is restored (unconfirmed).
func (c *call) deleteUser() *apiError {
	found, failure := c.findUser(tenant.Present())
	if failure != nil {
		return failure
	}
	at := c.api.world.Now()
	c.tenant.Directory.Users.Remove(at, found.ID)
	c.tenant.Directory.Deleted.Put(at, found.ID,
		tenant.DeletedItem{ID: found.ID, DeletedAt: c.now(), User: &found, Grants: c.ungrant(found.ID),
			DelegatedGrants: c.undelegate(found.ID)})
	return c.noContent()
}

// userReadOnly are the properties of a user that only Entra and Exchange set.
var userReadOnly = append([]string{"id", "assignedLicenses", "assignedPlans", "createdDateTime", "deletedDateTime",
	"imAddresses", "lastPasswordChangeDateTime", "proxyAddresses"}, userNever...)

func (c *call) setUser(u *tenant.User, body map[string]json.RawMessage) (failure *apiError) {
	const resource = "User"
	for _, name := range sortedNames(body) {
		raw := body[name]
		switch name {
		case "accountEnabled":
			u.Enabled, failure = notNull[bool](name, resource, raw)
		case "displayName":
			u.DisplayName, failure = requiredText(name, resource, raw, maxDisplayName)
		case "mail":
			failure = c.setMail(u, raw)
		case "mailNickname":
			u.MailNickname, failure = nickname(resource, raw)
		case "passwordProfile":
			failure = c.setPassword(u, raw, body["passwordPolicies"])
		case "userPrincipalName":
			failure = c.setUserPrincipalName(u, raw)
		default:
			switch _, stored := userStored[name]; {
			case stored:
				if failure = checkUserProperty(name, raw); failure == nil {
					u.ExtraProperties, failure = userStored.with(u.ExtraProperties, name, resource, raw)
				}
			case slices.Contains(userReadOnly, name):
				failure = readOnlyUnlessItsID(name, raw, u.ID)
			default:
				failure = unknownProperty(name, "user")
			}
		}
		if failure != nil {
			return failure
		}
	}
	return nil
}

// maxDisplayName is the most characters of a display name (Microsoft Graph: user and group resource types).
const maxDisplayName = 256

// userTexts are the properties that hold a text, with the most characters that it may have; 0: none is documented
// (Microsoft Graph: user resource type).
var userTexts = map[string]int{
	"city": 128, "companyName": 64, "country": 128, "department": 64, "employeeId": 16, "employeeType": 0, "faxNumber": 0,
	"givenName": 64, "jobTitle": 128, "mobilePhone": 64, "officeLocation": 0, "onPremisesImmutableId": 0,
	"postalCode": 40, "preferredLanguage": 0, "state": 128, "streetAddress": 1024, "surname": 64,
}

// userChoices are the properties that have one of a few values, in any case (read: HashiCorp's azuread provider begins
// them with a capital, which the documents do not).
var userChoices = map[string][]string{
	"ageGroup":                {"minor", "notAdult", "adult"},
	"consentProvidedForMinor": {"granted", "denied", "notRequired"},
	"userType":                {"Member", "Guest"},
}

// country is a code by ISO 3166.
var country = regexp.MustCompile(`^[A-Za-z]{2}$`)

// checkUserProperty refuses a value that the property does not have. Null returns each to its first value.
func checkUserProperty(name string, raw json.RawMessage) *apiError {
	if string(raw) == "null" {
		return nil
	}
	ok := true
	most, isText := userTexts[name]
	choices, isChoice := userChoices[name]
	switch {
	case isText:
		value, is := readAs[string](raw)
		ok = is && (most == 0 || len([]rune(value)) <= most)
	case isChoice:
		value, is := readAs[string](raw)
		ok = is && slices.ContainsFunc(choices, func(choice string) bool { return strings.EqualFold(choice, value) })
	case name == "usageLocation":
		value, is := readAs[string](raw)
		ok = is && country.MatchString(value)
	case name == "employeeHireDate":
		_, ok = readAs[time.Time](raw)
	case name == "showInAddressList":
		_, ok = readAs[bool](raw)
	case name == "businessPhones": // a collection of one at most
		value, is := readAs[[]string](raw)
		ok = is && len(value) <= 1
	case name == "otherMails":
		_, ok = readAs[[]string](raw)
	case name == "passwordPolicies":
		_, ok = passwordPolicies(raw)
	case name == "employeeOrgData":
		value, is := readAs[map[string]*string](raw)
		delete(value, "costCenter")
		delete(value, "division")
		ok = is && len(value) == 0
	}
	return invalidUnless(ok, name, "User")
}

// readAs reads a value as one of a type, if it is.
func readAs[T any](raw json.RawMessage) (value T, is bool) {
	return value, json.Unmarshal(raw, &value) == nil
}

// passwordPolicies reads the policies out of their text; ok is false where there is one that is none.
func passwordPolicies(raw json.RawMessage) (policies []string, ok bool) {
	var value string
	if json.Unmarshal(raw, &value) != nil {
		return nil, false
	}
	for policy := range strings.SplitSeq(value, ",") {
		policy = strings.TrimSpace(policy)
		if policy != "" && policy != "None" && policy != "DisableStrongPassword" && policy != "DisablePasswordExpiration" {
			return nil, false
		}
		policies = append(policies, policy)
	}
	return policies, true
}

// setPassword checks a new password, which is not kept. It has to be strong unless the user's policies say otherwise
// (Microsoft: password policies in Microsoft Entra ID).
func (c *call) setPassword(u *tenant.User, raw, policies json.RawMessage) *apiError {
	profile, failure := decoded[struct {
		Password *string `json:"password"`
	}]("passwordProfile", "User", raw)
	if failure != nil || profile.Password == nil {
		return failure // whether the user has to change it is for the sign-in, which is not here
	}
	if policies == nil {
		policies, _ = json.Marshal(u.ExtraProperties["passwordPolicies"]) // a text has a form
	}
	applied, _ := passwordPolicies(policies)
	if !slices.Contains(applied, "DisableStrongPassword") && !strong(*profile.Password) || *profile.Password == "" {
		return refuse(badRequest, "The specified password does not comply with password complexity requirements. Please "+
			"provide a different password.")
	}
	u.PasswordSetAt = c.now()
	return nil
}

// strong reports whether a password has 8 to 256 characters of three of the four kinds.
func strong(password string) bool {
	if length := len([]rune(password)); length < 8 || length > 256 {
		return false
	}
	kinds := 0
	for _, is := range []func(rune) bool{unicode.IsUpper, unicode.IsLower, unicode.IsDigit,
		func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }} {
		if strings.ContainsFunc(password, is) {
			kinds++
		}
	}
	return kinds >= 3
}

// userAlias is the part of a user principal name before the domain (Microsoft Graph: user-post-users).
var userAlias = regexp.MustCompile(`^[A-Za-z0-9'._!#^~-]{1,64}$`)

func (c *call) setUserPrincipalName(u *tenant.User, raw json.RawMessage) *apiError {
	const property = "userPrincipalName"
	name, failure := notNull[string](property, "User", raw)
	if failure != nil {
		return failure
	}
	alias, domain, _ := strings.Cut(name, "@")
	if !userAlias.MatchString(alias) {
		return refuse(badRequest, "Property userPrincipalName is invalid.").detail("InvalidValue", property)
	}
	if !strings.EqualFold(domain, c.tenant.Domain) && !strings.EqualFold(domain, c.tenant.CustomDomain) {
		return refuse(badRequest, "The domain portion of the userPrincipalName property is invalid. You must use one of the "+
			"verified domain names in your organization.").detail("InvalidValue", property)
	}
	if c.nameTaken(name, u.ID) {
		return taken(property)
	}
	u.UserPrincipalName = name
	return nil
}

// nameTaken reports whether another user has the user principal name. Those in the recycle bin do not count.
func (c *call) nameTaken(name, exceptID string) bool {
	_, found := c.tenant.Directory.Users.First(tenant.Present(), func(other tenant.User) bool {
		return other.ID != exceptID && strings.EqualFold(other.UserPrincipalName, name)
	})
	return found
}

// addressTaken reports whether another user or group has the SMTP address.
func (c *call) addressTaken(address, exceptID string) bool {
	address = strings.ToLower(address)
	_, byUser := c.tenant.Directory.Users.First(tenant.Present(), func(other tenant.User) bool {
		return other.ID != exceptID && slices.Contains(other.Addresses(), address)
	})
	_, byGroup := c.tenant.Directory.Groups.First(tenant.Present(), func(other tenant.Group) bool {
		return other.ID != exceptID && strings.EqualFold(other.Mail, address)
	})
	return byUser || byGroup
}

// setMail sets the primary address, which is among the proxy addresses from then on; the one before stays there as a
// further one (Microsoft Graph: user resource type; that it stays is unconfirmed).
func (c *call) setMail(u *tenant.User, raw json.RawMessage) *apiError {
	mail, failure := decoded[string]("mail", "User", raw)
	if failure != nil {
		return failure
	}
	alias, domain, _ := strings.Cut(mail, "@")
	if mail != "" && (alias == "" || domain == "" || strings.ContainsAny(mail, " ,;")) {
		return invalidValue("mail", "User")
	}
	if mail != "" && c.addressTaken(mail, u.ID) {
		return taken("proxyAddresses")
	}
	var addresses []string
	if mail != "" {
		addresses = append(addresses, "SMTP:"+mail)
	}
	for _, proxy := range u.ProxyAddresses {
		if further, was := strings.CutPrefix(proxy, "SMTP:"); was {
			proxy = "smtp:" + further
		}
		if !strings.EqualFold(proxy, "smtp:"+mail) {
			addresses = append(addresses, proxy)
		}
	}
	u.Mail, u.ProxyAddresses = mail, addresses
	return nil
}

// nickname reads the alias of an address. Microsoft's documents also exclude the full stop; aliases with one are common
// (read: HashiCorp's azuread provider makes users and groups of such).
func nickname(resource string, raw json.RawMessage) (string, *apiError) {
	value, failure := requiredText("mailNickname", resource, raw, 64)
	excluded := func(r rune) bool { return r > unicode.MaxASCII || strings.ContainsRune(`@()\[]";:<>, `, r) }
	if failure == nil && strings.ContainsFunc(value, excluded) {
		failure = invalidValue("mailNickname", resource)
	}
	return value, failure
}

// notNull reads a value that cannot be null.
func notNull[T any](property, resource string, raw json.RawMessage) (T, *apiError) {
	value, failure := decoded[*T](property, resource, raw)
	if failure != nil || value == nil {
		var none T
		return none, invalidValue(property, resource)
	}
	return *value, nil
}

// requiredText reads a text that is neither null nor empty.
func requiredText(property, resource string, raw json.RawMessage, most int) (string, *apiError) {
	value, failure := notNull[string](property, resource, raw)
	if failure == nil && (value == "" || len([]rune(value)) > most) {
		failure = invalidValue(property, resource)
	}
	return value, failure
}
