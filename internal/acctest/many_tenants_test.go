package acctest_test

import (
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

// manyTenants is one provider block with two registrations and two connections in each tenant.
const manyTenants = `
terraform {
  required_providers {
    codetwo = { source = "codetwo-community/codetwo" }
  }
}

variable "tenants" {
  type = map(object({ tenant_id = string, mailboxes = list(string) }))
}

variable "key_size" {
  type    = number
  default = 2048
}

variable "additional_permissions" {
  type    = set(object({ api = string, name = string }))
  default = null
}

locals {
  apps = merge([for name, tenant in var.tenants : {
    for i in [0, 1] : "${name}-${i}" => { tenant_id = tenant.tenant_id, mailbox = tenant.mailboxes[i], name = "CodeTwo ${i}" }
  }]...)
}

provider "codetwo" {}

resource "codetwo_target_app_registration" "target" {
  for_each     = local.apps
  tenant_id    = each.value.tenant_id
  display_name = each.value.name
  certificate  = { key_size = var.key_size }

  additional_permissions = var.additional_permissions
}

resource "codetwo_target_connection" "target" {
  for_each               = local.apps
  tenant_id              = each.value.tenant_id
  mailbox                = each.value.mailbox
  client_id              = codetwo_target_app_registration.target[each.key].client_id
  certificate_thumbprint = codetwo_target_app_registration.target[each.key].certificate.thumbprint
}
`

// initialised is the CLI in a folder with that configuration, for all the test environment's tenants.
func initialised(t *testing.T, env *acctest.Env) *terraformcli.CLI {
	t.Helper()
	cli := env.CLI("TF_VAR_tenants="+tenantsVariable(env), "CODETWO_STORE_URL="+env.StoreURL(),
		"CODETWO_STORE_PASSPHRASE="+acctest.Passphrase)
	write(t, filepath.Join(cli.Folder, "main.tf"), []byte(manyTenants))
	if _, err := cli.Run(t.Context(), "init", "-no-color", "-input=false"); err != nil {
		t.Fatal(err)
	}
	return cli
}

// tenantsVariable is the variable tenants with all tenants, except those of the given numbers.
func tenantsVariable(env *acctest.Env, except ...int) string {
	var tenants []string
	for i, tenant := range env.Server.TenantsJSON().Tenants {
		if !slices.Contains(except, i) {
			tenants = append(tenants,
				fmt.Sprintf(`t%d={tenant_id=%q,mailboxes=[%q,%q]}`, i, tenant.TenantID, tenant.Mailboxes.Licensed[0],
					tenant.Mailboxes.Licensed[1]))
		}
	}
	return "{" + strings.Join(tenants, ",") + "}"
}

// perTenant counts the requests that are meant, by tenant.
func perTenant(requests []acctest.Request, meant func(acctest.Request) bool) map[string]int {
	counts := map[string]int{}
	for _, request := range requests {
		if meant(request) {
			counts[request.TenantID]++
		}
	}
	return counts
}

func TestAccProvider_EachTenantOfARunCostsOneSignInAndOneLookAtMicrosoftsAPIs(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{Tenants: 4, Profile: "instant"})
	cli := initialised(t, env)
	run := func(arguments ...string) []acctest.Request {
		t.Helper()
		env.Forget()
		if _, err := cli.Run(t.Context(),
			append([]string{arguments[0], "-no-color", "-input=false"}, arguments[1:]...)...); err != nil {
			t.Fatal(err)
		}
		return env.Requests()
	}
	expect := func(what string, counts map[string]int, each int) {
		t.Helper()
		if len(counts) != 4 {
			t.Errorf("%s, by tenant: %v, want %d in each of 4", what, counts, each)
		}
		for tenantID, count := range counts {
			if count != each {
				t.Errorf("%s in tenant %s: %d, want %d", what, tenantID, count, each)
			}
		}
	}
	signsIn := func(request acctest.Request) bool { return !strings.HasPrefix(request.Path, "/v1.0/") }
	readsAPIs := func(request acctest.Request) bool {
		for _, part := range request.Parts {
			if strings.Contains(part.Path, "appRoles") && part.Method == http.MethodGet {
				return true
			}
		}
		return false
	}
	run("plan", "-out=plan")
	requests := run("apply", "plan")
	expect("sign-ins of an apply", perTenant(requests, signsIn), 1)
	expect("reads of the APIs' permissions", perTenant(requests, readsAPIs), 1)

	requests = run("plan", "-detailed-exitcode") // 0: nothing to change
	expect("sign-ins of a plan", perTenant(requests, signsIn), 1)
	expect("requests to Graph of a plan, two registrations each",
		perTenant(requests, func(request acctest.Request) bool { return !signsIn(request) }), 2)
}

func TestAccProvider_OneConnectionCarriesAllTenants(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{Tenants: 4, Profile: "instant"})
	cli := initialised(t, env)
	if _, err := cli.Run(t.Context(), "plan", "-no-color", "-input=false", "-out=plan"); err != nil {
		t.Fatal(err)
	}
	env.Forget()
	// One after the other: what comes while the first connection is being made makes one of its own.
	if _, err := cli.Run(t.Context(), "apply", "-no-color", "-input=false", "-parallelism=1", "plan"); err != nil {
		t.Fatal(err)
	}
	connections := map[string]int{}
	for _, request := range env.Requests() {
		connections[request.Connection]++
		if request.Protocol != "HTTP/2.0" {
			t.Errorf("%s %s came by %s", request.Method, request.Path, request.Protocol)
		}
	}
	if len(connections) != 1 {
		t.Errorf("requests by connection: %v, want one connection", connections)
	}
}

// madeByTenant counts the registrations and connections of three tenants.
func madeByTenant(t *testing.T, env *acctest.Env) (registrations, connections [3]int) {
	t.Helper()
	records := openRecords(t, env)
	for i := range 3 {
		registrations[i] = len(ours(env.State(i)))
		recorded, _, err := records.Connections(t.Context(), env.Tenant(i).TenantID)
		if err != nil {
			t.Fatal(err)
		}
		connections[i] = len(recorded)
	}
	return registrations, connections
}

func openRecords(t *testing.T, env *acctest.Env) *store.Store {
	t.Helper()
	records, err := store.Open(env.StoreURL(), acctest.Passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// ours are the applications of a tenant that the configuration registers.
func ours(state sandbox.TenantState) []sandbox.ApplicationState {
	return slices.DeleteFunc(state.Applications, func(application sandbox.ApplicationState) bool {
		return !strings.HasPrefix(application.DisplayName, "CodeTwo ")
	})
}

func TestAccProvider_ANewTenantThatRefusesIsNamedAndHoldsNoOtherRegistrationUp(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{Tenants: 3})
	cli := initialised(t, env)
	failing := env.Tenant(1)
	refuse := func(refused map[string]int) {
		env.Control(http.MethodPatch, "/tenants/"+failing.TenantID+"/sign-in", map[string]any{"refuse": refused})
	}
	made := func() (registrations, connections [3]int) {
		t.Helper()
		return madeByTenant(t, env)
	}
	apply := []string{"apply", "-no-color", "-input=false", "-auto-approve"}

	refuse(map[string]int{failing.Callers.Full.ClientID: 700016}) // the application was not found in the tenant
	output, err := cli.Run(t.Context(), apply...)
	if err == nil {
		t.Fatal("apply succeeded, although one tenant refuses the caller")
	}
	_, problems, _ := strings.Cut(output, "Error: ")
	if !strings.Contains(problems, failing.TenantID) || !strings.Contains(problems, "AADSTS700016") {
		t.Errorf("the error does not name the tenant and its reason:\n%s", problems)
	}
	for _, other := range []int{0, 2} {
		if strings.Contains(problems, env.Tenant(other).TenantID) {
			t.Errorf("the error names tenant %s, which is well:\n%s", env.Tenant(other).TenantID, problems)
		}
	}
	if registrations, _ := made(); registrations != [3]int{2, 0, 2} {
		t.Errorf("registrations by tenant: %v, want 2, 0 and 2", registrations)
	}

	// Before it is applied, that is told where refused tenants are to be skipped.
	skipping := *cli
	skipping.Environment = append(slices.Clone(cli.Environment), "CODETWO_SKIP_REFUSED_TENANTS=true")
	plan, _, err := skipping.PlanChanges(t.Context())
	if err != nil ||
		!strings.Contains(plan,
			"Warning: Tenant "+failing.TenantID+" refuses Terraform, so that nothing can be registered there") ||
		!strings.Contains(plan, "AADSTS700016") {
		t.Errorf("a plan does not tell that a new tenant refuses: %v\n%s", err, plan)
	}

	// The way out: without the tenant, the others are done.
	without := *cli
	without.Environment = append(slices.Clone(cli.Environment), "TF_VAR_tenants="+tenantsVariable(env, 1))
	if _, err := without.Run(t.Context(), apply...); err != nil {
		t.Fatal(err)
	}
	if registrations, connections := made(); registrations != [3]int{2, 0, 2} || connections != [3]int{2, 0, 2} {
		t.Errorf("without the tenant that refuses: registrations %v, connections %v, want 2, 0 and 2 of both", registrations,
			connections)
	}

	refuse(map[string]int{})
	if _, err := cli.Run(t.Context(), apply...); err != nil {
		t.Fatal(err)
	}
	if registrations, connections := made(); registrations != [3]int{2, 2, 2} || connections != [3]int{2, 2, 2} {
		t.Errorf("once the tenant accepts the caller: registrations %v, connections %v, want 2 of both everywhere",
			registrations, connections)
	}
}

func TestAccProvider_RefusedTenantsAreLeftAsideWhereThatIsAskedFor(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{Tenants: 4})
	cli := initialised(t, env)
	apply := []string{"apply", "-no-color", "-input=false", "-auto-approve"}
	if _, err := cli.Run(t.Context(), apply...); err != nil {
		t.Fatal(err)
	}
	caller := env.Tenant(0).Callers.Full.ClientID
	withoutApp, blocked, drifted := env.Tenant(1).TenantID, env.Tenant(2).TenantID, env.Tenant(3).TenantID
	refuse := func(tenantID string, codes map[string]int) {
		env.Control(http.MethodPatch, "/tenants/"+tenantID+"/sign-in", map[string]any{"refuse": codes})
	}
	refuse(withoutApp, map[string]int{caller: 7000229})
	refuse(blocked, map[string]int{caller: 5000225})
	var app sandbox.ApplicationState
	for _, application := range env.State(3).Applications {
		if application.DisplayName == "CodeTwo 0" {
			app = application
		}
	}
	env.RevokeConsent(drifted, app.ClientID)

	if output, err := cli.Run(t.Context(), "plan", "-no-color", "-input=false"); err == nil ||
		!strings.Contains(output, withoutApp) || !strings.Contains(output, blocked) {
		t.Errorf("without being asked to, a plan goes on, or does not name the two tenants: %v\n%s", err, output)
	}

	cli.Environment = append(cli.Environment, "CODETWO_SKIP_REFUSED_TENANTS=true")
	plan, changes, err := cli.PlanChanges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !changes || !strings.Contains(plan, "Plan: 0 to add, 1 to change, 0 to destroy.") {
		t.Errorf("the plan does not show what has drifted in the third tenant:\n%s", plan)
	}
	for _, want := range []string{
		"Warning: Tenant " + withoutApp + " refused Terraform and was skipped", "AADSTS7000229", "adminconsent",
		"Warning: Tenant " + blocked + " refused Terraform and was skipped", "AADSTS5000225", "Microsoft support",
	} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan does not say %q:\n%s", want, plan)
		}
	}
	if _, err := cli.Run(t.Context(), apply...); err != nil {
		t.Fatal(err)
	}
	if _, changes, err = cli.PlanChanges(t.Context()); err != nil || changes {
		t.Errorf("after the repair a plan still changes something, or fails: %v", err)
	}

	for what, c := range map[string]struct {
		variable, code string
	}{
		"a wrong secret":    {"ARM_CLIENT_SECRET=not the secret", "AADSTS7000215"},
		"a wrong client ID": {"ARM_CLIENT_ID=" + uuid.NewString(), "AADSTS700016"},
	} {
		ours := *cli
		ours.Environment = append(slices.Clone(cli.Environment), c.variable)
		if output, err := ours.Run(t.Context(), "plan", "-no-color", "-input=false"); err == nil ||
			!strings.Contains(output, c.code) {
			t.Errorf("%s passes for a refusal by every tenant: %v\n%s", what, err, output)
		}
	}
	refuse(env.Tenant(0).TenantID, map[string]int{caller: 7000112})
	if output, err := cli.Run(t.Context(), "plan", "-no-color", "-input=false"); err == nil ||
		!strings.Contains(output, "AADSTS7000112") {
		t.Errorf("a caller that its own tenant refuses is not reported as an error: %v\n%s", err, output)
	}
	refuse(env.Tenant(0).TenantID, map[string]int{})
	env.RevokeConsent(drifted, caller)
	if output, err := cli.Run(t.Context(), "plan", "-no-color", "-input=false"); err == nil ||
		!strings.Contains(output, "Authorization_RequestDenied") {
		t.Errorf("a right that the caller lacks is not reported as an error: %v\n%s", err, output)
	}
}

// Nothing was seen of it yet that could be shown.
func TestAccProvider_AnImportFromARefusedTenantIsAnError(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{Tenants: 2})
	cli := initialised(t, env)
	app := env.RegisterByHand(env.Tenant(1).TenantID, "CodeTwo 0")
	env.Control(http.MethodPatch, "/tenants/"+env.Tenant(1).TenantID+"/sign-in",
		map[string]any{"refuse": map[string]int{env.Tenant(0).Callers.Full.ClientID: 7000229}})
	write(t, filepath.Join(cli.Folder, "import.tf"), []byte(fmt.Sprintf(`
import {
  to = codetwo_target_app_registration.target["t1-0"]
  id = "%s/%s"
}
`, env.Tenant(1).TenantID, app.ClientID)))
	cli.Environment = append(cli.Environment, "CODETWO_SKIP_REFUSED_TENANTS=true")
	if output, err := cli.Run(t.Context(), "plan", "-no-color", "-input=false"); err == nil ||
		!strings.Contains(output, "AADSTS7000229") {
		t.Errorf("an application that nobody has seen is imported: %v\n%s", err, output)
	}
}

// convergedByTenant tells, of three tenants, whether both applications have what is configured and both connections
// name their keys.
func convergedByTenant(t *testing.T, env *acctest.Env) (are []bool) {
	t.Helper()
	records := openRecords(t, env)
	for i := range 3 {
		connections, _, err := records.Connections(t.Context(), env.Tenant(i).TenantID)
		if err != nil || len(connections) != 2 {
			t.Fatalf("tenant %d has %d connections, %v", i, len(connections), err)
		}
		all := true
		for _, connection := range connections {
			cert, err := records.Certificate(t.Context(), env.Tenant(i).TenantID, connection.CertificateThumbprint)
			if err != nil {
				t.Fatal(err)
			}
			application, found := env.Application(i, connection.ClientID)
			all = all && found && certificate.KeySize(cert) == 3072 &&
				slices.ContainsFunc(application.Keys, func(key sandbox.CredentialState) bool {
					return strings.EqualFold(key.Thumbprint, connection.CertificateThumbprint)
				})
		}
		are = append(are, all && grantedToOurs(env.State(i)) == 6)
	}
	return are
}

// grantedToOurs counts the permissions of the service principals of our applications.
func grantedToOurs(state sandbox.TenantState) int {
	granted := 0
	for _, principal := range state.ServicePrincipals {
		for _, grant := range state.Grants {
			if grant.PrincipalID == principal.ObjectID && strings.HasPrefix(principal.DisplayName, "CodeTwo ") {
				granted++
			}
		}
	}
	return granted
}

// Terraform orders resources, and not their instances: an error in one tenant's registration would keep the connections
// of all others from being changed.
func TestAccProvider_WhatChangesEverywhereIsChangedAroundARefusedTenant(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{Tenants: 3})
	cli := initialised(t, env)
	apply := func() {
		t.Helper()
		if _, err := cli.Run(t.Context(), "apply", "-no-color", "-input=false", "-auto-approve"); err != nil {
			t.Fatal(err)
		}
	}
	apply()
	refuse := func(refused map[string]int) {
		env.Control(http.MethodPatch, "/tenants/"+env.Tenant(1).TenantID+"/sign-in", map[string]any{"refuse": refused})
	}
	converged := func() []bool {
		t.Helper()
		return convergedByTenant(t, env)
	}

	refuse(map[string]int{env.Tenant(0).Callers.Full.ClientID: 700016})
	untouched := env.State(1)
	cli.Environment = append(cli.Environment, "CODETWO_SKIP_REFUSED_TENANTS=true",
		"TF_VAR_key_size=3072", `TF_VAR_additional_permissions=[{api="Microsoft Graph",name="Domain.Read.All"}]`)
	apply()
	if got := converged(); !slices.Equal(got, []bool{true, false, true}) {
		t.Errorf("with one tenant that refuses, changed by tenant: %v", got)
	}
	if after := env.State(1); !reflect.DeepEqual(after, untouched) {
		t.Errorf("the tenant that refuses was %v, and is %v", untouched, after)
	}
	if text, changes, err := cli.PlanChanges(t.Context()); err != nil || changes {
		t.Errorf("a plan changes what it left aside: %v\n%s", err, text)
	}

	refuse(map[string]int{})
	apply()
	if got := converged(); !slices.Equal(got, []bool{true, true, true}) {
		t.Errorf("once the tenant accepts the caller, changed by tenant: %v", got)
	}
	if text, changes, err := cli.PlanChanges(t.Context()); err != nil || changes {
		t.Errorf("a plan after that still changes something: %v\n%s", err, text)
	}

	refuse(map[string]int{env.Tenant(0).Callers.Full.ClientID: 90002})
	output, err := cli.Run(t.Context(), "destroy", "-no-color", "-input=false", "-auto-approve")
	if err == nil ||
		!strings.Contains(output, "The registration in tenant "+env.Tenant(1).TenantID+" stays in the state") {
		t.Errorf("a destroy does not say what has become of the tenant that refuses: %v\n%s", err, output)
	}
	for i, want := range []int{0, 2, 0} {
		if left := ours(env.State(i)); len(left) != want {
			t.Errorf("a destroy leaves tenant %d with %v, want %d applications", i, left, want)
		}
	}

	// Nothing is left of a refusal that is over, even if the application has been deleted meanwhile.
	refuse(map[string]int{})
	for _, application := range ours(env.State(1)) {
		env.Graph(env.Tenant(1).TenantID, http.MethodDelete, "/applications/"+application.ObjectID, nil)
	}
	if text, _, err := cli.PlanChanges(t.Context()); err != nil {
		t.Errorf("once the tenant accepts the caller, a destroy that was cut off cannot be planned on: %v\n%s", err, text)
	}
	if _, err := cli.Run(t.Context(), "destroy", "-no-color", "-input=false", "-auto-approve"); err != nil {
		t.Error(err)
	}
}

// A plan that was accepted has to be applied as it was made, and one that could not be is refused.
func TestAccProvider_ARefusedTenantIsPlannedSoThatItCanBeApplied(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{Tenants: 2})
	cli := env.CLI("CODETWO_STORE_URL="+env.StoreURL(), "CODETWO_STORE_PASSPHRASE="+acctest.Passphrase)
	write(t, filepath.Join(cli.Folder, "main.tf"), []byte(fmt.Sprintf(`
terraform {
  required_providers {
    codetwo = { source = "codetwo-community/codetwo" }
  }
}

variable "key_size" {
  type = number
}

variable "own_certificate" {
  type = string
}

variable "unique_name" {
  type = string
}

variable "permission" {
  type = string
}

resource "terraform_data" "certificate" {
  input = { key_size = var.key_size, public_certificate_pem = var.own_certificate == "" ? null : var.own_certificate }
}

resource "codetwo_target_app_registration" "target" {
  tenant_id              = %q
  unique_name            = var.unique_name
  certificate            = terraform_data.certificate.output
  additional_permissions = [{ api = "Microsoft Graph", name = var.permission }]
  restore_deleted        = true
}

# What waits for the registration.
resource "terraform_data" "dependent" {
  input      = var.key_size
  depends_on = [codetwo_target_app_registration.target]
}
`, env.Tenant(1).TenantID)))
	run := func(variables []string, arguments ...string) (string, error) {
		one := *cli
		one.Environment = append(slices.Clone(cli.Environment), variables...)
		return one.Run(t.Context(), slices.Insert(arguments, 1, "-no-color", "-input=false")...)
	}
	must := func(output string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	pair, err := certificate.Generate(rand.Reader,
		certificate.Template{CommonName: "CodeTwo", KeySize: 2048, NotBefore: now.Add(-time.Hour),
			NotAfter: now.AddDate(5, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	own := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate.Raw}))
	before := []string{"TF_VAR_key_size=2048", "TF_VAR_own_certificate=", "TF_VAR_unique_name=one",
		"TF_VAR_permission=Domain.Read.All"}
	after := []string{"TF_VAR_key_size=3072", "TF_VAR_own_certificate=" + own, "TF_VAR_unique_name=another",
		"TF_VAR_permission=User.Read.All"}
	skip := "CODETWO_SKIP_REFUSED_TENANTS=true"
	refuse := func(refused map[string]int) {
		env.Control(http.MethodPatch, "/tenants/"+env.Tenant(1).TenantID+"/sign-in", map[string]any{"refuse": refused})
	}
	must(run(before, "init"))
	must(run(before, "apply", "-auto-approve"))
	untouched := env.State(1)
	if output, err := run(append(before, skip, "ARM_CLIENT_ID="+uuid.NewString()), "plan"); err == nil ||
		!strings.Contains(output, "AADSTS700016") {
		t.Errorf("a client ID that no tenant knows passes for a refusal by this one: %v\n%s", err, output)
	}
	refuse(map[string]int{env.Tenant(0).Callers.Full.ClientID: 700016})

	if output, err := run(append(before, skip), "plan", "-replace=codetwo_target_app_registration.target"); err == nil ||
		!strings.Contains(output, "cannot be replaced while its tenant refuses Terraform") {
		t.Errorf("a replacement that would end in its first half is planned: %v\n%s", err, output)
	}
	must(run(append(after, skip), "plan", "-out=saved"))
	must(run(nil, "apply", "saved")) // without the setting that it was planned with
	if after := env.State(1); !reflect.DeepEqual(after, untouched) {
		t.Errorf("the tenant that refuses was %v, and is %v", untouched, after)
	}
	if output, err := run(append(after, skip), "plan", "-detailed-exitcode"); err != nil {
		t.Errorf("a second plan changes what the first one left aside: %v\n%s", err, output)
	}

	refuse(map[string]int{})
	must(run(after, "apply", "-auto-approve"))
	for _, application := range env.State(1).Applications {
		if strings.HasPrefix(application.DisplayName, "CodeTwo ") && application.UniqueName != "another" {
			t.Errorf("once the tenant accepts the caller, %v is left", application)
		}
	}
	must(run(after, "plan", "-detailed-exitcode"))
}
