package appregistration_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/expect"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

const typeName = "codetwo_target_app_registration"

func TestAccTargetAppRegistration_EveryCodeTwoAppOfATenantIsListedWithWhatItMayDo(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenantID := env.Tenant(0).TenantID
	wizard := wizardMade(t, env)
	env.RegisterByHand(tenantID, "Some other tool")
	const listed = "data.codetwo_target_app_registrations.all"
	first := tfjsonpath.New("applications").AtSliceIndex(0)
	second := tfjsonpath.New("applications").AtSliceIndex(1)
	resource.ParallelTest(t, resource.TestCase{TerraformVersionChecks: acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(), Steps: []resource.TestStep{{
			Config: env.Provider(env.Tenant(0).Callers.Full) +
				registration("display_name = \"Managed under another name\"") +
				"data \"codetwo_target_app_registrations\" \"all\" {\n  depends_on = [" + address + "]\n}\n",
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(listed, tfjsonpath.New("applications"), knownvalue.ListSizeExact(2)),
				statecheck.ExpectKnownValue(listed, first.AtMapKey("client_id"), knownvalue.StringExact(wizard.ClientID)),
				statecheck.ExpectKnownValue(listed, first.AtMapKey("managed"), knownvalue.Bool(false)),
				statecheck.ExpectKnownValue(listed, first.AtMapKey("credentials"), knownvalue.ListSizeExact(2)),
				statecheck.ExpectKnownValue(listed, first.AtMapKey("permissions").AtMapKey(fullName).AtMapKey("risk"),
					knownvalue.StringExact("critical")),
				statecheck.ExpectKnownValue(listed,
					first.AtMapKey("profile_differences").AtMapKey("existing_mailboxes").AtMapKey("missing"),
					knownvalue.ListSizeExact(0)),
				statecheck.ExpectKnownValue(listed,
					first.AtMapKey("profile_differences").AtMapKey("create_mailboxes").AtMapKey("missing"),
					knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact("Microsoft Graph/Directory.ReadWrite.All")})),
				statecheck.ExpectKnownValue(listed, second.AtMapKey("managed"), knownvalue.Bool(true)),
				statecheck.ExpectKnownValue(listed, second.AtMapKey("display_name"),
					knownvalue.StringExact("Managed under another name")),
			},
		}}})
}

func TestAccTargetAppRegistration_ACallerWhoMayNotListIsToldWhichRightIsMissing(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(),
		Steps: []resource.TestStep{{
			Config:      env.Provider(env.Tenant(0).Callers.OwnedBy) + "data \"codetwo_target_app_registrations\" \"all\" {}\n",
			ExpectError: expect.Error("Applications not listed", "Authorization_RequestDenied", "Application.Read.All"),
		}},
	})
}

// The CLI's query needs Terraform 1.14, so the list resource is asked over the protocol.
func TestTargetAppRegistration_TheListResourceFindsAppsThatAnImportByIdentityTakes(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{})
	app := wizardMade(t, env)
	p := env.Protocol(env.Tenant(0).Callers.Full)
	server, ok := p.ProviderServer.(tfprotov6.ProviderServerWithListResource) //nolint:staticcheck // no other way yet
	if !ok {
		t.Fatal("the provider cannot be queried")
	}
	kind := p.Schemas.ResourceSchemas[typeName].ValueType()
	identities, err := p.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		t.Fatal(err)
	}
	identityKind := identities.IdentitySchemas[typeName].ValueType()
	stream, err := server.ListResource(t.Context(), &tfprotov6.ListResourceRequest{
		TypeName: typeName, IncludeResource: true, Limit: 10,
		Config: p.Value(p.Schemas.ListResourceSchemas[typeName].ValueType(), nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	var identity *tfprotov6.ResourceIdentityData
	found := 0
	for result := range stream.Results {
		p.Succeeded(result.Diagnostics)
		found++
		identity = result.Identity
		if got := fmt.Sprint(p.Attributes(result.Resource,
			kind)["client_id"]); got != fmt.Sprint(tftypes.NewValue(tftypes.String, app.ClientID)) {
			t.Errorf("found %s, want %s", got, app.ClientID)
		}
	}
	if found != 1 {
		t.Fatalf("found %d applications", found)
	}
	if got := fmt.Sprint(p.Attributes(identity.IdentityData,
		identityKind)["object_id"]); got != fmt.Sprint(tftypes.NewValue(tftypes.String, app.ObjectID)) {
		t.Errorf("the identity names %s", got)
	}
	imported, err := p.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: typeName,
		Identity: identity})
	if err != nil {
		t.Fatal(err)
	}
	p.Succeeded(imported.Diagnostics)
	read, err := p.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: typeName, CurrentState: imported.ImportedResources[0].State, Private: imported.ImportedResources[0].Private,
		CurrentIdentity: imported.ImportedResources[0].Identity,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Succeeded(read.Diagnostics)
	if got := fmt.Sprint(p.Attributes(read.NewState,
		kind)["client_id"]); got != fmt.Sprint(tftypes.NewValue(tftypes.String, app.ClientID)) {
		t.Errorf("imported %s", got)
	}
	env.Graph(env.Tenant(0).TenantID, http.MethodGet, "/applications/"+app.ObjectID, nil) // it was only looked at
}
