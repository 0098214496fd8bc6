package graph

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// The rights to groups, their members and their owners (Microsoft's permission data of 2026). Directory.ReadWrite.All
// deletes none. The rights to basic properties (Group.ReadBasic.All, GroupMember.ReadBasic.All) are left out.
var (
	groupReaders      = []string{membershipRead, groupRead, groupWrite, directoryRead, directoryWrite}
	groupMakers       = []string{groupCreate, groupWrite, directoryWrite}
	groupWriters      = []string{groupWrite, directoryWrite}
	memberReaders     = []string{membershipRead, membershipWrite, groupRead, groupWrite, directoryRead}
	memberWriters     = []string{membershipWrite, groupWrite, directoryWrite}
	membershipReaders = []string{membershipRead, groupRead, directoryRead, directoryWrite}
)

// groupRoutes are the operations on groups.
var groupRoutes = []route{
	{http.MethodGet, "groups", groupReaders, (*call).listGroups},
	{http.MethodPost, "groups", groupMakers, (*call).postGroup},
	{http.MethodGet, "groups/{group}", groupReaders, (*call).getGroup},
	{http.MethodPatch, "groups/{group}", groupWriters, (*call).patchGroup},
	{http.MethodDelete, "groups/{group}", []string{groupWrite}, (*call).deleteGroup},
	{http.MethodGet, "groups/{group}/members", memberReaders, (*call).listMembers},
	{http.MethodPost, "groups/{group}/members/$ref", memberWriters, (*call).addMember},
	{http.MethodDelete, "groups/{group}/members/{member}/$ref", memberWriters, (*call).removeMember},
	{http.MethodGet, "groups/{group}/transitiveMembers", memberReaders, (*call).listTransitiveMembers},
	{http.MethodGet, "groups/{group}/memberOf", membershipReaders, (*call).listMemberOf},
	{http.MethodGet, "groups/{group}/owners", memberReaders, (*call).listGroupOwners},
	{http.MethodPost, "groups/{group}/owners/$ref", groupWriters, (*call).addGroupOwner},
	{http.MethodDelete, "groups/{group}/owners/{owner}/$ref", groupWriters, (*call).removeGroupOwner},
}

// groupStored are the properties of a group without a behaviour here (Microsoft Graph: group resource type).
var groupStored = storedProperties{
	"classification":                nil,
	"membershipRule":                nil,
	"membershipRuleProcessingState": nil,
	"preferredDataLocation":         nil,
	"preferredLanguage":             nil,
	"resourceBehaviorOptions":       []any{},
	"resourceProvisioningOptions":   []any{},
	"theme":                         nil,
	writeback:                       object{"isEnabled": nil, "onPremisesGroupType": nil},
}

// writeback is a property that the beta version alone has.
const writeback = "writebackConfiguration"

// groupOutlook are the properties of a Microsoft 365 group that are shown when they are selected, and changed for
// itself by a signed-in user alone (Microsoft Graph: group-update, known issues of groups).
var groupOutlook = []string{"allowExternalSenders", "autoSubscribeNewMembers", "hideFromAddressLists",
	"hideFromOutlookClients", "isSubscribedByMail"}

// groupNever are the properties that nothing here sets.
var groupNever = []string{"expirationDateTime", "onPremisesDomainName", "onPremisesLastSyncDateTime",
	"onPremisesNetBiosName", "onPremisesSamAccountName", "onPremisesSecurityIdentifier", "onPremisesSyncEnabled"}

func (c *call) groupEntity(g tenant.Group) object {
	e := groupStored.entity(g.ExtraProperties)
	if c.version != betaVersion {
		delete(e, writeback)
	}
	for _, name := range groupNever {
		e[name] = nil
	}
	for _, name := range groupOutlook {
		e[name] = false
	}
	addresses := []string{}
	if g.Mail != "" {
		addresses = append(addresses, "SMTP:"+g.Mail)
	}
	e["id"] = g.ID
	e["createdDateTime"] = timestamp(g.CreatedAt)
	e["deletedDateTime"] = nil
	e["description"] = text(g.Description)
	e["displayName"] = g.DisplayName
	e["groupTypes"] = tenant.NonNil(g.Types)
	e["isAssignableToRole"] = g.AssignableToRole
	e["mail"] = text(g.Mail)
	e["mailEnabled"] = g.MailEnabled
	e["mailNickname"] = g.MailNickname
	e["onPremisesProvisioningErrors"] = []string{}
	e["proxyAddresses"] = addresses
	e["renewedDateTime"] = timestamp(g.CreatedAt)
	e["securityEnabled"] = g.SecurityEnabled
	e["securityIdentifier"] = securityIdentifier(g.ID)
	e["visibility"] = text(g.Visibility)
	return e
}

// securityIdentifier is made of the object ID (the example in group-post-groups, taken apart).
func securityIdentifier(objectID string) string {
	id, err := uuid.Parse(objectID)
	if err != nil {
		return "" // of no group
	}
	parts := []string{"S-1-12-1"}
	for raw := range slices.Chunk(tenant.LittleEndian(id), 4) {
		parts = append(parts, fmt.Sprint(binary.LittleEndian.Uint32(raw)))
	}
	return strings.Join(parts, "-")
}

// shownGroup leaves out what is shown only when selected.
func (c *call) shownGroup(e object) object {
	if len(c.query.Selected) == 0 {
		maps.DeleteFunc(e, func(name string, _ any) bool { return slices.Contains(groupOutlook, name) })
	}
	return e
}

func (c *call) listGroups() *apiError {
	return c.many(collection{
		context: "groups",
		schema:  c.groupEntity(tenant.Group{}),
		filterable: []string{"id", "classification", "createdDateTime", "description", "displayName", "groupTypes",
			"isAssignableToRole", "mail", "mailEnabled", "mailNickname", "membershipRule", "membershipRuleProcessingState",
			"preferredLanguage", "proxyAddresses", "renewedDateTime", "resourceProvisioningOptions", "securityEnabled"},
		sortable:   []string{"displayName"},
		searchable: []string{"displayName", "description", "mail", "mailNickname"},
		rows: func(v tenant.View) []object {
			return tenant.Mapped(c.tenant.Directory.Groups.List(v, nil), c.groupEntity)
		},
		shown: c.shownGroup,
	})
}

func (c *call) findGroup(v tenant.View) (tenant.Group, *apiError) {
	id := c.keys["group"].value
	if uuid.Validate(id) != nil {
		return tenant.Group{}, refuse(badRequest, "Invalid object identifier '%s'.", id)
	}
	found, ok := c.tenant.Directory.Groups.Get(v, strings.ToLower(id))
	if !ok || !knows(c, &c.tenant.Directory.Groups, found.ID) {
		return found, notFound(id)
	}
	return found, nil
}

func (c *call) getGroup() *apiError {
	found, failure := c.findGroup(c.Reads)
	if failure != nil {
		return failure
	}
	entity := c.groupEntity(found)
	return c.one(http.StatusOK, "groups", c.shownGroup(maps.Clone(entity)), entity)
}
