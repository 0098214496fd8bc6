package sandbox

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// Application permissions by which one may do the same, as Microsoft's documents list them.
const (
	readsApplications = "Application.Read.All Application.ReadWrite.OwnedBy Application.ReadWrite.All"
	readsObjects      = readsApplications + " Directory.Read.All Directory.ReadWrite.All"
	// OwnedBy is in Microsoft's table of the list of applications as well; that it does not suffice is unconfirmed.
	listsApplications  = "Application.Read.All Application.ReadWrite.All Directory.Read.All Directory.ReadWrite.All"
	writesApplications = "Application.ReadWrite.OwnedBy Application.ReadWrite.All"
	writesPrincipals   = writesApplications + " Directory.ReadWrite.All" // and credentials
	readsGrants        = "Application.Read.All Application.ReadWrite.All AppRoleAssignment.ReadWrite.All " +
		"Directory.Read.All Directory.ReadWrite.All"
	grants            = "AppRoleAssignment.ReadWrite.All"
	readsOrganization = "Organization.Read.All Organization.ReadWrite.All Directory.Read.All Directory.ReadWrite.All " +
		"User.Read.All"
	readsDomains  = "Domain.Read.All Domain.ReadWrite.All Directory.Read.All Directory.ReadWrite.All"
	readsUsers    = "User.Read.All User.ReadWrite.All User.ReadBasic.All Directory.Read.All Directory.ReadWrite.All"
	writesUsers   = "User.ReadWrite.All Directory.ReadWrite.All"
	readsManagers = "User.Read.All User.ReadWrite.All Directory.Read.All Directory.ReadWrite.All"
	readsGroups   = "GroupMember.Read.All Group.Read.All Group.ReadWrite.All " + readsAny
	writesGroups  = "Group.ReadWrite.All Directory.ReadWrite.All"
	readsMembers  = "GroupMember.Read.All GroupMember.ReadWrite.All Group.Read.All Group.ReadWrite.All " +
		"Directory.Read.All"
	writesMembers      = "GroupMember.ReadWrite.All Group.ReadWrite.All Directory.ReadWrite.All"
	readsRoles         = "AppRoleAssignment.ReadWrite.All Directory.Read.All Directory.ReadWrite.All"
	endsUsersAndGroups = " User.DeleteRestore.All User.ReadWrite.All Group.ReadWrite.All"
	readsAny           = "Directory.Read.All Directory.ReadWrite.All"
	readsPolicies      = "Policy.Read.All Policy.Read.ApplicationConfiguration Policy.ReadWrite.ApplicationConfiguration"
	grantsDelegated    = "DelegatedPermissionGrant.ReadWrite.All Directory.ReadWrite.All"
	readsDelegated     = grantsDelegated + " Directory.Read.All"
	writesClaims       = "Policy.ReadWrite.ApplicationConfiguration"
	readsClaims        = writesClaims + " Policy.Read.All"
	assignsClaims      = writesApplications + " + " + readsClaims
	needsNoPermission  = ""
)

// documentedRights are the application permissions of each operation, of which one is enough, or one on each side of a
// plus (Microsoft Graph: permissions of each operation). They are written down once more, so that the routes cannot
// agree with themselves.
var documentedRights = map[string]string{
	"GET applications": listsApplications,
	"POST applications": "AppRegistration.Create " +
		writesApplications,
	"GET applications/{application}":                                              readsObjects,
	"PATCH applications/{application}":                                            writesApplications,
	"DELETE applications/{application}":                                           writesApplications,
	"POST applications/{application}/addPassword":                                 writesPrincipals,
	"POST applications/{application}/removePassword":                              writesPrincipals,
	"GET applications/{application}/federatedIdentityCredentials":                 readsApplications,
	"POST applications/{application}/federatedIdentityCredentials":                writesApplications,
	"GET applications/{application}/federatedIdentityCredentials/{credential}":    readsApplications,
	"PATCH applications/{application}/federatedIdentityCredentials/{credential}":  writesApplications,
	"DELETE applications/{application}/federatedIdentityCredentials/{credential}": writesApplications,
	"POST applications/{application}/addKey":                                      writesPrincipals,
	"POST applications/{application}/removeKey":                                   writesPrincipals,
	"GET applications/{application}/owners":                                       readsObjects,
	"POST applications/{application}/owners/$ref":                                 writesApplications,
	"DELETE applications/{application}/owners/{owner}/$ref":                       writesApplications,
	"GET servicePrincipals":                                                       readsObjects,
	"POST servicePrincipals":                                                      writesPrincipals,
	"GET servicePrincipals/{principal}":                                           readsObjects,
	"PATCH servicePrincipals/{principal}":                                         writesPrincipals,
	"DELETE servicePrincipals/{principal}":                                        writesPrincipals,
	"POST servicePrincipals/{principal}/addPassword":                              writesPrincipals,
	"POST servicePrincipals/{principal}/removePassword":                           writesPrincipals,
	"POST servicePrincipals/{principal}/addTokenSigningCertificate":               writesPrincipals,
	"POST servicePrincipals/{principal}/addKey":                                   writesPrincipals,
	"POST servicePrincipals/{principal}/removeKey":                                writesPrincipals,
	"GET servicePrincipals/{principal}/owners":                                    readsObjects,
	"POST servicePrincipals/{principal}/owners/$ref":                              writesApplications,
	"DELETE servicePrincipals/{principal}/owners/{owner}/$ref":                    writesApplications,
	"GET servicePrincipals/{principal}/appRoleAssignments":                        readsGrants,
	"POST servicePrincipals/{principal}/appRoleAssignments":                       grants,
	"GET servicePrincipals/{principal}/appRoleAssignments/{grant}":                readsGrants,
	"DELETE servicePrincipals/{principal}/appRoleAssignments/{grant}":             grants + " Application.ReadWrite.All",
	"GET servicePrincipals/{principal}/appRoleAssignedTo":                         readsGrants,
	"POST servicePrincipals/{principal}/appRoleAssignedTo":                        grants,
	"GET servicePrincipals/{principal}/appRoleAssignedTo/{grant}":                 readsGrants,
	"DELETE servicePrincipals/{principal}/appRoleAssignedTo/{grant}":              grants + " Application.ReadWrite.All",
	"GET directory/deletedItems/graph.application":                                listsApplications,
	"GET directory/deletedItems/graph.servicePrincipal":                           listsApplications,

	"GET directory/deletedItems/graph.user":  readsManagers,
	"GET directory/deletedItems/graph.group": "Group.Read.All Group.ReadWrite.All " + readsAny,
	"GET directory/deletedItems/{item}": readsObjects + " User.Read.All User.ReadWrite.All Group.Read.All " +
		"Group.ReadWrite.All",
	"DELETE directory/deletedItems/{item}":       writesApplications + endsUsersAndGroups,
	"POST directory/deletedItems/{item}/restore": writesApplications + endsUsersAndGroups,

	"GET organization":                readsOrganization,
	"GET organization/{organization}": readsOrganization,
	"GET domains":                     readsDomains,
	"GET domains/{domain}":            readsDomains,

	"GET users":        readsUsers,
	"GET users/{user}": readsUsers,

	"POST users": "User.Create " + writesUsers,
	"PATCH users/{user}": writesUsers + " User-PasswordProfile.ReadWrite.All User.EnableDisableAccount.All " +
		"User-Phone.ReadWrite.All User-Mail.ReadWrite.All",
	"DELETE users/{user}":                            "User.DeleteRestore.All User.ReadWrite.All",
	"GET users/{user}/manager":                       readsManagers,
	"PUT users/{user}/manager/$ref":                  writesUsers,
	"DELETE users/{user}/manager/$ref":               writesUsers,
	"GET users/{user}/appRoleAssignments":            readsRoles,
	"POST users/{user}/appRoleAssignments":           grants,
	"GET users/{user}/appRoleAssignments/{grant}":    readsRoles,
	"DELETE users/{user}/appRoleAssignments/{grant}": grants,

	"GET groups":                                       readsGroups,
	"POST groups":                                      "Group.Create " + writesGroups,
	"GET groups/{group}":                               readsGroups,
	"PATCH groups/{group}":                             writesGroups,
	"DELETE groups/{group}":                            "Group.ReadWrite.All",
	"GET groups/{group}/members":                       readsMembers,
	"POST groups/{group}/members/$ref":                 writesMembers,
	"DELETE groups/{group}/members/{member}/$ref":      writesMembers,
	"GET groups/{group}/transitiveMembers":             readsMembers,
	"GET groups/{group}/memberOf":                      "GroupMember.Read.All Group.Read.All " + readsAny,
	"GET groups/{group}/owners":                        readsMembers,
	"POST groups/{group}/owners/$ref":                  writesGroups,
	"DELETE groups/{group}/owners/{owner}/$ref":        writesGroups,
	"GET groups/{group}/appRoleAssignments":            readsRoles,
	"POST groups/{group}/appRoleAssignments":           grants,
	"GET groups/{group}/appRoleAssignments/{grant}":    readsRoles,
	"DELETE groups/{group}/appRoleAssignments/{grant}": grants,

	"GET directoryObjects/{object}":    readsAny,
	"POST directoryObjects/getByIds":   readsAny,
	"GET users/{user}/mailboxSettings": "MailboxSettings.Read MailboxSettings.ReadWrite",

	"GET policies/defaultAppManagementPolicy":                 readsPolicies,
	"GET policies/appManagementPolicies":                      readsPolicies,
	"GET applications/{application}/appManagementPolicies":    readsPolicies,
	"GET servicePrincipals/{principal}/appManagementPolicies": readsPolicies,
	"GET applications/{application}/logo":                     readsObjects,
	"PUT applications/{application}/logo":                     writesApplications,
	"GET applicationTemplates":                                needsNoPermission,
	"GET applicationTemplates/{template}":                     needsNoPermission,

	"POST applicationTemplates/{template}/instantiate": writesApplications + " Directory.ReadWrite.All",

	"GET oauth2PermissionGrants":                                               readsDelegated,
	"POST oauth2PermissionGrants":                                              grantsDelegated,
	"GET oauth2PermissionGrants/{delegated}":                                   readsDelegated,
	"PATCH oauth2PermissionGrants/{delegated}":                                 grantsDelegated,
	"DELETE oauth2PermissionGrants/{delegated}":                                grantsDelegated,
	"GET servicePrincipals/{principal}/oauth2PermissionGrants":                 readsDelegated,
	"GET policies/claimsMappingPolicies":                                       readsClaims,
	"POST policies/claimsMappingPolicies":                                      writesClaims,
	"GET policies/claimsMappingPolicies/{policy}":                              readsClaims,
	"PATCH policies/claimsMappingPolicies/{policy}":                            writesClaims,
	"DELETE policies/claimsMappingPolicies/{policy}":                           writesClaims,
	"GET servicePrincipals/{principal}/claimsMappingPolicies":                  assignsClaims,
	"POST servicePrincipals/{principal}/claimsMappingPolicies/$ref":            assignsClaims,
	"DELETE servicePrincipals/{principal}/claimsMappingPolicies/{policy}/$ref": assignsClaims,
}

// needed are the rights of an operation: of each list, one.
func needed(documented string) (lists [][]string) {
	for list := range strings.SplitSeq(documented, "+") {
		if rights := strings.Fields(list); len(rights) > 0 {
			lists = append(lists, rights)
		}
	}
	return lists
}

// combinations are the ways to take one right of each list.
func combinations(lists [][]string) [][]string {
	all := [][]string{nil}
	for _, list := range lists {
		var longer [][]string
		for _, rights := range all {
			for _, right := range list {
				longer = append(longer, append(slices.Clone(rights), right))
			}
		}
		all = longer
	}
	return all
}

func TestEachOperationTakesEachOfItsRightsAndNoOther(t *testing.T) {
	r := newRig(t, Options{})
	r.unnoted = true
	org := r.server.world.Tenants[0]
	caller, owned := r.register(org), r.register(org)
	owned.Owners = []string{caller.principal.ID} // for OwnedBy is a right to one's own
	owned.principal.Owners = owned.Owners
	r.change(org, owned)
	every := []string{"Mail.ReadWrite", "RoleManagement.ReadWrite.Directory"} // are never enough
	for _, rights := range documentedRights {
		every = append(every, slices.Concat(needed(rights)...)...)
	}
	slices.Sort(every)
	every = slices.Compact(every)
	unmet := map[string]bool{}
	for operation := range documentedRights {
		unmet[operation] = true
	}
	for _, operation := range graphOperations() {
		if operation.version != stable {
			continue
		}
		name := operation.method + " " + operation.path
		documented, known := documentedRights[name]
		if !known {
			t.Errorf("nothing is written down of the rights to %s", name)
			continue
		}
		delete(unmet, name)
		path := strings.NewReplacer("{application}", owned.ID, "{principal}", owned.principal.ID).Replace("/v1.0/" +
			operation.path)
		if operation.method == http.MethodDelete || operation.method == http.MethodPatch {
			path = "/v1.0/" + operation.path // of nobody, so that what the next caller is refused is still there
		}
		path = regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, noObject)
		denied := func(roles ...string) bool {
			token, err := r.server.issuer.Issue(org, caller.principal, "1", "https://graph.microsoft.com", roles)
			if err != nil {
				t.Fatal(err)
			}
			// requests that bypass faults have no quota
			headers := map[string]string{"Authorization": "Bearer " + token, bypass: "yes"}
			body := ""
			if operation.method == http.MethodPost || operation.method == http.MethodPatch {
				headers["Content-Type"], body = "application/json", "{}"
			}
			return r.do(operation.method, path, body, headers).Status == http.StatusForbidden
		}
		for _, violation := range rightsViolations(documented, every, denied) {
			t.Errorf("%s: %s", name, violation)
		}
	}
	for name := range unmet {
		t.Errorf("there is no operation %s", name)
	}
}

// opensToOwnedBy are the reads of others' service principals that Application.ReadWrite.OwnedBy allows. Without the
// roles of an API nobody could consent to them.
var opensToOwnedBy = []string{"GET servicePrincipals/{principal}", "GET servicePrincipals/{principal}/owners"}

func TestACallerWithOwnedByReachesNothingOfAnothers(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	another, deleted := g.register(g.tenant), g.register(g.tenant)
	g.want(http.StatusNoContent, "DELETE", "/applications/"+deleted.ID, nil)
	caller := g.with(g.register(g.tenant), "Application.ReadWrite.OwnedBy", "Policy.Read.All")
	tried := 0
	for _, operation := range graphOperations() {
		name := operation.method + " " + operation.path
		if !strings.Contains(documentedRights[name], "OwnedBy") || slices.Contains(opensToOwnedBy, name) {
			continue
		}
		for _, item := range []string{deleted.ID, deleted.principal.ID} {
			path := strings.NewReplacer("{application}", another.ID, "{principal}", another.principal.ID, "{item}",
				item).Replace("/" + operation.path)
			if path == "/"+operation.path || strings.HasSuffix(path, "/logo") && operation.method == http.MethodPut {
				continue // of nobody in particular; a logo's form is looked at first
			}
			path = regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, noObject)
			var body any
			if operation.method != http.MethodGet && operation.method != http.MethodDelete {
				body = object{}
			}
			switch { // whose form is looked at first
			case strings.HasSuffix(path, "/removePassword"):
				body = object{"keyId": noObject}
			case operation.method == http.MethodPost && strings.HasSuffix(path, "/$ref"):
				body = object{"@odata.id": g.reference(another.principal.ID)}
			}
			caller.in(operation.version).refused(http.StatusForbidden, "Authorization_RequestDenied", operation.method, path,
				body)
			tried++
		}
	}
	if tried == 0 {
		t.Error("no operation was tried")
	}
}

// rightsViolations says where an operation is denied with enough of its documented rights, or is not without.
func rightsViolations(documented string, every []string, denied func(roles ...string) bool) (violations []string) {
	lists := needed(documented)
	for _, right := range every {
		alone := len(lists) == 0 || len(lists) == 1 && slices.Contains(lists[0], right)
		if alone == denied(right) {
			violations = append(violations, fmt.Sprintf("with %s alone it is denied: %t", right, !alone))
		}
	}
	for _, rights := range combinations(lists) {
		if denied(rights...) {
			violations = append(violations, fmt.Sprintf("it is denied with %v", rights))
		}
	}
	for _, list := range lists {
		others := slices.DeleteFunc(slices.Clone(every), func(right string) bool { return slices.Contains(list, right) })
		if !denied(others...) {
			violations = append(violations, fmt.Sprintf("it is allowed without any of %v", list))
		}
	}
	return violations
}
