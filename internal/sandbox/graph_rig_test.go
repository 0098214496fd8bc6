package sandbox

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// graphSession speaks to Microsoft Graph in the first tenant as one of the seeded callers.
type graphSession struct {
	*rig
	tenant *tenant.Tenant
	token  string
}

func newGraph(t *testing.T, kind tenant.CallerKind) *graphSession {
	t.Helper()
	return newRig(t, Options{Tenants: 2}).as(kind)
}

func (r *rig) as(kind tenant.CallerKind) *graphSession {
	r.t.Helper()
	tenant := r.server.world.Tenants[0]
	caller := tenant.Callers[kind]
	return &graphSession{r, tenant, r.token(tenant.ID, secretForm(caller.ClientID, caller.ClientSecret, graphDefault))}
}

// with is the session of an application with some application permissions, and of its service principal.
func (g *graphSession) with(app *testApp, roles ...string) *graphSession {
	g.t.Helper()
	token, err := g.server.issuer.Issue(g.tenant, app.principal, "1", tenant.GraphAudience, roles)
	if err != nil {
		g.t.Fatal(err)
	}
	return &graphSession{g.rig, g.tenant, token}
}

// in is the session with another version of Graph.
func (g *graphSession) in(version string) *graphSession {
	there := *g.rig
	there.version = version
	return &graphSession{&there, g.tenant, g.token}
}

// send makes a request below the version. The body is written as JSON; nil for none. Headers come in pairs.
func (g *graphSession) send(method, path string, body any, headers ...string) answer {
	g.t.Helper()
	all := map[string]string{"Authorization": "Bearer " + g.token}
	content := ""
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			g.t.Fatal(err)
		}
		content = string(encoded)
		all["Content-Type"] = "application/json"
	}
	for i := 0; i < len(headers); i += 2 {
		all[headers[i]] = headers[i+1]
	}
	return g.do(method, "/"+cmp.Or(g.version, stable)+path, content, all)
}

// want makes a request that must be answered with the status, and returns the JSON of the answer.
func (g *graphSession) want(status int, method, path string, body any, headers ...string) object {
	g.t.Helper()
	got := g.send(method, path, body, headers...)
	if got.Status != status {
		g.t.Fatalf("%s %s answers HTTP %d, want %d: %s", method, path, got.Status, status, got.Body)
	}
	if got.Body == "" {
		return nil
	}
	var read object
	got.json(g.t, &read)
	return read
}

// refused makes a request that must be answered with the status and the code of an error, and returns its message.
func (g *graphSession) refused(status int, code, method, path string, body any, headers ...string) string {
	g.t.Helper()
	failure := g.want(status, method, path, body, headers...)["error"].(object)
	if failure["code"] != code {
		g.t.Errorf("%s %s answers the code %v, want %s: %v", method, path, failure["code"], code, failure["message"])
	}
	return failure["message"].(string)
}

// detail is the code of the first detail of an error.
func (g *graphSession) detail(method, path string, body any) string {
	g.t.Helper()
	var read struct {
		Error struct {
			Details []struct{ Code string }
		} `json:"error"`
	}
	g.send(method, path, body).json(g.t, &read)
	if len(read.Error.Details) == 0 {
		return ""
	}
	return read.Error.Details[0].Code
}

func (g *graphSession) newApplication(body object) object {
	g.t.Helper()
	if body["displayName"] == nil {
		body["displayName"] = "CodeTwo Office 365 Migration Target"
	}
	return g.want(http.StatusCreated, "POST", "/applications", body)
}

// newRegistration makes an application with its service principal.
func (g *graphSession) newRegistration() (app, principal object) {
	g.t.Helper()
	app = g.newApplication(object{"uniqueName": "codetwo-" + uuid.NewString()})
	return app, g.want(http.StatusCreated, "POST", "/servicePrincipals", object{"appId": app["appId"]})
}

func (g *graphSession) api(appID string) object {
	g.t.Helper()
	return g.want(http.StatusOK, "GET", "/servicePrincipals(appId='"+appID+"')?$select=id,appId,appRoles", nil)
}

func (g *graphSession) grant(principal, api object, roleID string) object {
	g.t.Helper()
	return g.want(http.StatusCreated, "POST", "/servicePrincipals/"+api["id"].(string)+"/appRoleAssignedTo",
		object{"principalId": principal["id"], "resourceId": api["id"], "appRoleId": roleID})
}

// values lists a collection's elements by one of their properties.
func (g *graphSession) values(path, property string, headers ...string) []any {
	g.t.Helper()
	found := []any{}
	for _, element := range g.want(http.StatusOK, "GET", path, nil, headers...)["value"].([]any) {
		found = append(found, element.(object)[property])
	}
	return found
}

func filtered(path, filter string) string { return path + "?$filter=" + url.QueryEscape(filter) }
