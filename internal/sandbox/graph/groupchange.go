package graph

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// Values of a group's visibility (Microsoft Graph: group resource type).
var groupVisibilities = []string{"Public", "Private", hiddenMembership}

const hiddenMembership = "HiddenMembership"

// postGroup makes a group. Its owners are those that the request binds: an application that makes one without does not
// own it (Microsoft Graph: group-post-groups).
func (c *call) postGroup() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	for _, name := range []string{"displayName", "mailEnabled", "mailNickname", "securityEnabled"} {
		if raw, set := body[name]; !set || string(raw) == "null" {
			return missing(name, "Group")
		}
	}
	made := tenant.Group{ID: uuid.NewString(), CreatedAt: c.now()}
	if failure := c.setGroup(&made, withoutBindings(body), true); failure != nil {
		return failure
	}
	owners, failure := c.bound(body, groupOwners)
	if failure != nil {
		return failure
	}
	members, failure := c.bound(body, membersOf(made))
	if failure != nil {
		return failure
	}
	if failure := c.bindable(made, owners, members); failure != nil {
		return failure
	}
	made.Owners, made.Members = owners, members
	if made.Unified() {
		made.Mail = made.MailNickname + "@" + c.tenant.CustomDomain
	}
	c.putGroup(made)
	entity := c.groupEntity(made)
	if made.Unified() && made.Description == "" {
		// A moment after its making, a Microsoft 365 group without a description has its name as one (seen).
		made.Description = made.DisplayName
		c.putGroup(made)
	}
	return c.created("groups", "Group", c.shownGroup(entity))
}

// withoutBindings are the properties other than references.
func withoutBindings(body map[string]json.RawMessage) map[string]json.RawMessage {
	properties := map[string]json.RawMessage{}
	for name, raw := range body {
		if name != "owners@odata.bind" && name != "members@odata.bind" {
			properties[name] = raw
		}
	}
	return properties
}

// bindable refuses references that a new group cannot begin with (Microsoft Graph: group-post-groups; that a repeated
// one is refused with this text was read).
func (c *call) bindable(g tenant.Group, owners, members []string) *apiError {
	if len(owners)+len(members) > maxBound {
		return invalidValue("members", "Group")
	}
	for _, ids := range [][]string{owners, members} {
		if len(slices.Compact(slices.Sorted(slices.Values(ids)))) < len(ids) {
			return refuse(badRequest, "Request contains a property with duplicate values.")
		}
	}
	if len(members) > 0 {
		if failure := c.takesMembers(g); failure != nil {
			return failure
		}
	}
	if slices.ContainsFunc(groupWriters, c.token.HasRole) {
		return nil
	}
	// With Group.Create alone, the caller binds itself, and objects that it may read.
	for _, id := range slices.Concat(owners, members) {
		kind, _ := c.typeOf(c.Refers, id)
		readers := map[string][]string{
			tenant.UserPrincipal:        {userRead, userWrite, directoryRead},
			tenant.ApplicationPrincipal: {appReadAll, appReadWriteAll, directoryRead},
			tenant.GroupPrincipal:       {groupRead, directoryRead},
		}[kind]
		if id != c.token.ServicePrincipalID && !slices.ContainsFunc(readers, c.token.HasRole) {
			return denied()
		}
	}
	return nil
}

// patchGroup changes a group. Bound owners and members are added to those that there are (Microsoft Graph:
// group-post-members).
func (c *call) patchGroup() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	changed, failure := c.findGroup(tenant.Present())
	if failure != nil {
		return failure
	}
	if failure := c.setGroup(&changed, withoutBindings(body), false); failure != nil {
		return failure
	}
	if _, binds := body["owners@odata.bind"]; binds {
		if failure := c.takesOwners(changed); failure != nil {
			return failure
		}
	}
	if changed.Owners, failure = c.rebound(body, c.ownersOf(changed)); failure != nil {
		return failure
	}
	if _, binds := body["members@odata.bind"]; binds {
		if failure := c.takesMembers(changed); failure != nil {
			return failure
		}
	}
	if changed.Members, failure = c.rebound(body, c.memberReferences(changed)); failure != nil {
		return failure
	}
	c.putGroup(changed)
	return c.noContent()
}

// rebound are the values of a relation with those that the request binds.
func (c *call) rebound(body map[string]json.RawMessage, before references) ([]string, *apiError) {
	more, failure := c.bound(body, before.relation)
	if failure != nil || len(more) == 0 {
		return before.ids, failure
	}
	return before.with(more...)
}

// deleteGroup moves a Microsoft 365 group to the recycle bin; a security group is gone (Microsoft Graph: group-delete).
func (c *call) deleteGroup() *apiError {
	found, failure := c.findGroup(tenant.Present())
	if failure != nil {
		return failure
	}
	at := c.api.world.Now()
	grants := c.ungrant(found.ID)
	c.tenant.Directory.Groups.Remove(at, found.ID)
	if found.Unified() {
		c.tenant.Directory.Deleted.Put(at, found.ID,
			tenant.DeletedItem{ID: found.ID, DeletedAt: c.now(), Group: &found, Grants: grants})
	}
	return c.noContent()
}

// groupReadOnly are the properties of a group that only Entra and Exchange set.
var groupReadOnly = append([]string{"id", "createdDateTime", "deletedDateTime", "mail", "onPremisesProvisioningErrors",
	"proxyAddresses", "renewedDateTime", "securityIdentifier"}, groupNever...)

// groupAtCreation are the properties that a request sets when it makes a group, and never later.
var groupAtCreation = []string{"isAssignableToRole", "resourceBehaviorOptions", "resourceProvisioningOptions"}

func (c *call) setGroup(g *tenant.Group, body map[string]json.RawMessage, creating bool) (failure *apiError) {
	before := *g
	for _, name := range sortedNames(body) {
		if slices.Contains(groupAtCreation, name) && !creating {
			return readOnly(name)
		}
		if failure := c.setGroupProperty(g, name, body[name]); failure != nil {
			return failure
		}
	}
	if g.Visibility == "" && g.AssignableToRole {
		g.Visibility = "Private"
	} else if g.Visibility == "" && g.Unified() {
		g.Visibility = "Public"
	}
	if failure := checkGroup(*g); failure != nil {
		return failure
	}
	switch {
	case !creating && (g.Unified() != before.Unified() || g.MailEnabled != before.MailEnabled):
		return readOnly("groupTypes") // one kind of group does not become another (unconfirmed)
	case !creating && strings.EqualFold(g.Visibility, hiddenMembership) && g.Visibility != before.Visibility:
		return invalidValue("visibility", "Group")
	case g.Unified() && c.nicknameTaken(*g):
		return taken("mailNickname")
	case creating && g.Unified() && c.addressTaken(g.MailNickname+"@"+c.tenant.CustomDomain, g.ID):
		return taken("proxyAddresses")
	}
	return nil
}

func (c *call) setGroupProperty(g *tenant.Group, name string, raw json.RawMessage) (failure *apiError) {
	const resource = "Group"
	switch name {
	case "description":
		g.Description, failure = decoded[string](name, resource, raw)
	case "displayName":
		g.DisplayName, failure = requiredText(name, resource, raw, maxDisplayName)
	case "groupTypes":
		g.Types, failure = groupTypes(raw)
	case "isAssignableToRole":
		g.AssignableToRole, failure = decoded[bool](name, resource, raw)
		if failure == nil && g.AssignableToRole && !c.token.HasRole(roleWrite) {
			failure = denied()
		}
	case "mailEnabled":
		g.MailEnabled, failure = notNull[bool](name, resource, raw)
	case "mailNickname":
		g.MailNickname, failure = nickname(resource, raw)
	case "securityEnabled":
		g.SecurityEnabled, failure = notNull[bool](name, resource, raw)
	case "visibility":
		g.Visibility, failure = visibility(raw)
	default:
		failure = c.setOtherOfGroup(g, name, raw)
	}
	return failure
}

func (c *call) setOtherOfGroup(g *tenant.Group, name string, raw json.RawMessage) (failure *apiError) {
	_, stored := groupStored[name]
	switch {
	case stored && (name != writeback || c.version == betaVersion):
		if failure = checkGroupProperty(name, raw); failure == nil {
			g.ExtraProperties, failure = groupStored.with(g.ExtraProperties, name, "Group", raw)
		}
	case slices.Contains(groupOutlook, name):
		failure = denied() // an application cannot set these; code and text unconfirmed
	case slices.Contains(groupReadOnly, name):
		failure = readOnlyUnlessItsID(name, raw, g.ID)
	default:
		failure = unknownProperty(name, "group")
	}
	return failure
}

// groupChoices are the properties that have one of a few values (Microsoft Graph: group resource type).
var groupChoices = map[string][]string{
	"membershipRuleProcessingState": {"On", "Paused"},
	"theme":                         {"Teal", "Purple", "Green", "Blue", "Pink", "Orange", "Red"},
}

// checkGroupProperty refuses a value that the property does not have.
func checkGroupProperty(name string, raw json.RawMessage) *apiError {
	if string(raw) == "null" {
		return nil
	}
	var ok bool
	choices, isChoice := groupChoices[name]
	switch _, isList := groupStored[name].([]any); {
	case name == writeback:
		_, ok = readAs[object](raw)
	case isList:
		_, ok = readAs[[]string](raw)
	default:
		var value string
		value, ok = readAs[string](raw)
		ok = ok && (!isChoice || slices.Contains(choices, value))
	}
	return invalidUnless(ok, name, "Group")
}

func groupTypes(raw json.RawMessage) ([]string, *apiError) {
	types, failure := decoded[[]string]("groupTypes", "Group", raw)
	for _, one := range types {
		if one != tenant.UnifiedGroup && one != tenant.DynamicGroup {
			return nil, invalidValue("groupTypes", "Group")
		}
	}
	return types, failure
}

// visibility reads the value in the case that the documents have.
func visibility(raw json.RawMessage) (string, *apiError) {
	value, failure := decoded[string]("visibility", "Group", raw)
	if failure != nil || value == "" {
		return "", failure
	}
	at := slices.IndexFunc(groupVisibilities, func(known string) bool { return strings.EqualFold(known, value) })
	if at < 0 {
		return "", invalidValue("visibility", "Group")
	}
	return value, nil
}

// checkGroup refuses what does not go together (Microsoft Graph: group resource type; the first text was seen, the
// others are unconfirmed).
func checkGroup(g tenant.Group) *apiError {
	rule, _ := g.ExtraProperties["membershipRule"].(string)
	switch {
	case !g.Unified() && (g.MailEnabled || !g.SecurityEnabled):
		return refuse(badRequest, "The service does not currently support writes of mail-enabled groups. Please ensure that "+
			"the mail-enablement property is unset and the security-enablement property is set.")
	case g.Unified() && !g.MailEnabled:
		return refuse(badRequest, "A group of the type Unified must be mail-enabled.").detail("InvalidValue", "mailEnabled")
	case g.Dynamic() != (rule != ""):
		return refuse(badRequest, "A membership rule and the group type DynamicMembership require each other.").detail(
			"InvalidValue", "membershipRule")
	case g.AssignableToRole && (!g.SecurityEnabled || g.Dynamic()):
		return invalidValue("isAssignableToRole", "Group")
	case strings.EqualFold(g.Visibility, hiddenMembership) && !g.Unified():
		return invalidValue("visibility", "Group")
	}
	return nil
}

// nicknameTaken reports whether another Microsoft 365 group has the alias. Those of security groups may repeat it.
func (c *call) nicknameTaken(g tenant.Group) bool {
	_, found := c.tenant.Directory.Groups.First(tenant.Present(), func(other tenant.Group) bool {
		return other.ID != g.ID && other.Unified() && strings.EqualFold(other.MailNickname, g.MailNickname)
	})
	return found
}
