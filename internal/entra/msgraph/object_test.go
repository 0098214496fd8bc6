package msgraph

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

func TestWhatGraphLeavesOpenIsReadAsNothing(t *testing.T) {
	t.Parallel()
	const nulls = `{"id":"a","appId":null,"displayName":null,"uniqueName":null,"tags":null,
		"createdDateTime":null,"deletedDateTime":null,
		"requiredResourceAccess":null,"keyCredentials":null,"passwordCredentials":null,
		"accountEnabled":null,"appRoles":null,"somethingNew":{"a":[1]}}`
	g := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, asJSON, fmt.Sprintf(`{"responses":[
			{"id":"1","status":200,"body":%s},{"id":"2","status":200,"body":%[1]s},
			{"id":"3","status":200,"body":{"value":[]}},{"id":"4","status":200,"body":{"value":null}}]}`, nulls))
	})
	directory, _ := g.open(t)
	read, err := directory.Registration(t.Context(), entra.RegistrationRef{ObjectID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	want := entra.Registration{Application: &entra.Application{ObjectID: "a"},
		ServicePrincipal: &entra.ServicePrincipal{ObjectID: "a"}}
	if !reflect.DeepEqual(*read, want) {
		t.Errorf("read %+v and %+v of it, want nothing but the IDs", read.Application, read.ServicePrincipal)
	}
}

func TestACollectionIsReadToItsLastPage(t *testing.T) {
	t.Parallel()
	var g *graph
	g = serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		next := fmt.Sprintf(`,"@odata.nextLink":"%s/v1.0/more?$skiptoken=a%%20b%d"`, g.URL, n)
		switch n {
		case 1:
			reply(w, http.StatusOK, asJSON, `{"responses":[{"id":"1","status":200,"body":{"value":[{"id":"a"}]`+next+`}}]}`)
		case 2:
			reply(w, http.StatusOK, asJSON, `{"value":[{"id":"b"},{"id":"c"}]`+next+`}`)
		default:
			reply(w, http.StatusOK, asJSON, `{"value":[{"id":"d"}]}`)
		}
	})
	directory, _ := g.open(t)
	result, err := directory.Search(t.Context(), entra.SearchQuery{Tag: "t"})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, application := range result.ByTag {
		ids = append(ids, application.ObjectID)
	}
	if !slices.Equal(ids, []string{"a", "b", "c", "d"}) {
		t.Errorf("read %v", ids)
	}
	if got := g.requests[2].query; !strings.Contains(got, "skiptoken=a%20b2") {
		t.Errorf("the third page was asked for with %s", got)
	}
}

func TestAChangeSendsWhatItNamesAndNothingElse(t *testing.T) {
	t.Parallel()
	name, none := "CodeTwo", []entra.KeyCredential{}
	for want, change := range map[string]entra.Change{
		`{}`:                        entra.ApplicationChange{ObjectID: "a"},
		`{"displayName":"CodeTwo"}`: entra.ApplicationChange{ObjectID: "a", DisplayName: &name},
		`{"tags":["x"],"requiredResourceAccess":[],"keyCredentials":[]}`: entra.ApplicationChange{ObjectID: "a",
			Tags: []string{"x"}, Declared: &[]entra.RoleRef{}, Keys: &none},
		`{"requiredResourceAccess":[{"resourceAccess":[{"id":"` + role + `","type":"Role"},{"id":"` + role +
			`","type":"Scope"}],"resourceAppId":"r"}]}`: entra.ApplicationChange{
			ObjectID: "a", Declared: &[]entra.RoleRef{{ResourceAppID: "r", RoleID: role}},
			DeclaredScopes: []entra.RoleRef{{ResourceAppID: "r", RoleID: role}},
		},
		`{"appId":"c","tags":["x"]}`: entra.CreateServicePrincipal{ClientID: "c", Tags: []string{"x"}},
		`{"accountEnabled":false}`:   entra.SetServicePrincipalEnabled{ObjectID: "a"},
	} {
		g := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
			reply(w, http.StatusOK, asJSON, `{"responses":[{"id":"1","status":204}]}`)
		})
		directory, _ := g.open(t)
		directory.Write(t.Context(), entra.Parallel, change)
		if sent := batched(t, g.requests[0].body); len(sent) != 1 || string(sent[0].Body) != want {
			t.Errorf("%T sent %s, want %s", change, g.requests[0].body, want)
		}
	}
}

const role = "7ab1d382-f21e-4acd-a863-ba3e13f7da61"
