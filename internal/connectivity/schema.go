package connectivity

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/datasource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// Schema describes what the user writes and reads.
func (d *DataSource) Schema(ctx context.Context, _ datasource.SchemaRequest, response *datasource.SchemaResponse) {
	names := "`" + strings.Join(checks.Names(), "`, `") + "`"
	response.Schema = schema.Schema{
		MarkdownDescription: "Checks whether CodeTwo can work with a target connection: it signs in as the connection's " +
			"app, with the credential in the store, and asks Entra and Exchange Online what CodeTwo would ask. It replaces " +
			"the *Configure* step of CodeTwo's *Target server connection wizard*, and changes nothing. A failed check is a " +
			"warning with its remedy, so that a tenant that does not work yet blocks neither plan nor destroy; see " +
			"`fail_on_error`.\n\nAdd the app registration and the connection to `depends_on`, so that the check runs after " +
			"them.",
		Attributes: map[string]schema.Attribute{
			"connection_id": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "The `id` of a `codetwo_target_connection`: `<tenant_id>/<mailbox>`.",
				Validators:          []validator.String{connectionID{}},
			},
			"revision": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "The `revision` of the connection. Its only effect is that the check waits for a change of " +
					"the connection, because the revision is unknown until that change is applied.",
			},
			"fail_on_error": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Whether failed checks are an error, which stops plan and apply, and `terraform destroy` " +
					"too. Default: `false`. Undetermined checks remain warnings: to be strict, require " +
					"`connected == true` in a `check` block or a postcondition.",
			},
			"skip_checks": schema.SetAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Checks to skip: any of " + names +
					". Checks that need a skipped check are skipped, too, and then `connected` is null.",
				Validators: []validator.Set{setvalidator.ValueStringsAre(stringvalidator.OneOf(checks.Names()...))},
			},
			"timeouts": timeouts.AttributesWithOpts(ctx, timeouts.Opts{
				ReadDescription: "How long the checks may take, including the retries right after a registration. Default: `5m`."}),
			"connected": schema.BoolAttribute{
				Computed: true,
				MarkdownDescription: "`true`: the app signed in, no check failed, and none was left undetermined. `false`: a " +
					"check failed. Null: undetermined, for instance because the certificate's private key is not in " +
					"the store.",
			},
			"checks": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The checks, in this order: " + names + ".",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"name": computedString("The check's name."),
					"status": computedString(
						"`passed`, `warning` (works today), `failed`, or `skipped`: not requested, not needed, or " +
							"undetermined, because its question could not be answered (`detail` says why)."),
					"detail": computedString("What was found."),
					"remedy": computedString("What to do about it; empty if there is nothing to do."),
				}},
			},
			"tenant_display_name":   computedString("The tenant's name; null if it could not be read."),
			"tenant_default_domain": computedString("The tenant's default domain; null if it could not be read."),
			"granted_roles": schema.ListAttribute{
				Computed: true, ElementType: types.StringType,
				MarkdownDescription: "The application permissions in the app's tokens, as `<api>/<name>`: what Entra actually " +
					"grants, sorted. Empty if the app could not sign in.",
			},
			"certificate_not_after": computedString("When the connection's certificate expires (RFC 3339, UTC); null with a " +
				"client secret."),
			"secret_expires_at": computedString("When the connection's client secret expires (RFC 3339, UTC); null if it was " +
				"not recorded."),
		},
	}
}

func computedString(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}

// connectionID accepts the ID of a connection.
type connectionID struct{}

func (connectionID) Description(context.Context) string {
	return "must be the id of a codetwo_target_connection: <tenant_id>/<mailbox>"
}

func (v connectionID) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v connectionID) ValidateString(
	_ context.Context, request validator.StringRequest, response *validator.StringResponse,
) {
	if request.ConfigValue.IsNull() || request.ConfigValue.IsUnknown() {
		return
	}
	if _, _, ok := store.CutID(request.ConfigValue.ValueString()); !ok {
		response.Diagnostics.AddAttributeError(request.Path, "Not a connection's ID", fmt.Sprintf(
			"%q is not of the form <tenant_id>/<mailbox>, such as 11111111-2222-3333-4444-555555555555/migration@contoso.com. "+
				"Pass codetwo_target_connection.<name>.id.",
			request.ConfigValue.ValueString()))
	}
}
