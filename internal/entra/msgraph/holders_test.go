package msgraph

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

const (
	ewsRole   = "dc890d15-9560-4a4c-9b7f-a736ec74ec40"
	otherRole = "dc50a0fb-09a3-484d-be87-e023b12c6440"
)

// assignment is one element of appRoleAssignedTo.
func assignment(principal int, role string) string {
	return fmt.Sprintf(`{"id":"g%d","appRoleId":%q,"principalId":"00000000-0000-0000-0000-%012d",`+
		`"principalType":"ServicePrincipal"}`, principal, role, principal)
}

func TestHoldersOfARoleAreFoundOnEveryPageWithTheirClientIDs(t *testing.T) {
	t.Parallel()
	var g *graph
	g = serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		switch {
		case n == 1:
			reply(w, http.StatusOK, asJSON, `{"responses":[
				{"id":"1","status":200,"body":{"value":[{"id":"t","verifiedDomains":[{"name":"contoso.com"},
					{"name":"contoso.onmicrosoft.com","isInitial":true}]}]}},
				{"id":"2","status":200,"body":{"@odata.nextLink":"`+g.URL+`/v1.0/page2","value":[
					`+assignment(1, ewsRole)+`,`+assignment(2, otherRole)+`,`+assignment(5, ewsRole)+`]}},
				{"id":"3","status":200,"body":{"id":"00000000-0000-0000-0000-000000000005","appId":"OURS",
					"displayName":"CodeTwo"}}]}`)
		case strings.HasSuffix(r.URL.Path, "/page2"):
			reply(w, http.StatusOK, asJSON, `{"value":[`+assignment(3, strings.ToUpper(ewsRole))+`,`+assignment(4, ewsRole)+`]}`)
		default:
			reply(w, http.StatusOK, asJSON, `{"responses":[
				{"id":"1","status":200,"body":{"id":"o1","appId":"c1","displayName":"Zebra"}},
				{"id":"2","status":200,"body":{"id":"o3","appId":"c3","displayName":"Backup"}},
				{"id":"3","status":404,"body":{"error":{"code":"Request_ResourceNotFound"}}}]}`)
		}
	})
	directory, _ := g.open(t)
	held, err := directory.RoleHolders(t.Context(), entra.RoleRef{ResourceAppID: "api", RoleID: ewsRole}, "ours")
	if err != nil {
		t.Fatal(err)
	}
	if !held.Read || held.InitialDomain != "contoso.onmicrosoft.com" || len(held.Holders) != 2 ||
		held.Holders[0].ClientID != "c3" || held.Holders[1].DisplayName != "Zebra" {
		t.Errorf("held: %+v", held)
	}
	if asked := batched(t, g.requests[2].body); len(asked) != 3 {
		t.Errorf("asked for the names of %+v", asked)
	}
}

func TestHoldersThatCannotBeReadAreAbsentAndNoError(t *testing.T) {
	t.Parallel()
	for _, denied := range []string{
		`"status":403,"body":{"error":{"code":"Authorization_RequestDenied"}}`,
		`"status":404,"body":{"error":{"code":"Request_ResourceNotFound","message":"Resource 'o' does not exist or one of ` +
			`its queried reference-property objects are not present."}}`,
	} {
		holdersThatCannotBeRead(t, denied)
	}
}

func holdersThatCannotBeRead(t *testing.T, denied string) {
	t.Helper()
	g := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, asJSON, `{"responses":[{"id":"1",`+denied+`},{"id":"2",`+denied+`},{"id":"3",`+denied+`}]}`)
	})
	directory, _ := g.open(t)
	held, err := directory.RoleHolders(t.Context(), entra.RoleRef{ResourceAppID: "api", RoleID: ewsRole}, "ours")
	if err != nil || held.Read || held.InitialDomain != "" || len(held.Holders) != 0 {
		t.Errorf("held: %+v, %v", held, err)
	}
	if len(g.requests) != 1 {
		t.Errorf("%d requests, want 1", len(g.requests))
	}
}
