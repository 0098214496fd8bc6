package appregistration

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/registration"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

var _ list.ListResourceWithConfigure = (*ListResource)(nil)

// NewListResource returns the list resource codetwo_target_app_registration, for `terraform query`.
func NewListResource() list.ListResource { return &ListResource{} }

// ListResource finds the applications that can be imported as codetwo_target_app_registration.
type ListResource struct{ Resource }

// QueryModel is a list block's configuration.
type QueryModel struct {
	TenantID          types.String `tfsdk:"tenant_id"`
	DisplayNamePrefix types.String `tfsdk:"display_name_prefix"`
}

// ListResourceConfigSchema describes a list block's configuration.
func (l *ListResource) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest,
	response *list.ListResourceSchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "Finds the CodeTwo applications of a tenant, regardless of who registered them, so that they " +
			"can be imported.",
		Attributes: map[string]schema.Attribute{
			"tenant_id": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "The tenant's ID (GUID). Default: the provider's `tenant_id`.",
				Validators:          []validator.String{tfvalidate.GUID()},
			},
			"display_name_prefix": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Prefix of the applications' names. Default: `" + defaultPrefix + "`. Applications that " +
					"this provider registered are listed regardless of their name.",
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
		},
	}
}

// List finds the applications. Requests: one batch to find them, one batch for each. Rights: Application.Read.All.
func (l *ListResource) List(ctx context.Context, request list.ListRequest, stream *list.ListResultsStream) {
	var query QueryModel
	diags := request.Config.Get(ctx, &query)
	tenantID := orDefault(query.TenantID, l.services.TenantID())
	if unknown := l.services.Unknown(); len(unknown) > 0 {
		diags.AddError("The tenant cannot be read", "The provider's "+strings.Join(unknown, ", ")+" is not known. Give it a "+
			"value that is known while planning, such as a variable or the environment.")
	}
	var found []*entra.Registration
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	if !diags.HasError() {
		prefix := orDefault(query.DisplayNamePrefix, types.StringValue(defaultPrefix))
		found = listApplications(ctx, l.services, tenantID, prefix, &diags)
	}
	if diags.HasError() {
		cancel()
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	stream.Results = func(push func(list.ListResult) bool) {
		defer cancel()
		for i, application := range found {
			if request.Limit > 0 && int64(i) >= request.Limit || !push(l.result(ctx, request, tenantID, application)) {
				return
			}
		}
	}
}

// result describes one application: by its identity and, where it is asked for, as an import would.
func (l *ListResource) result(ctx context.Context, request list.ListRequest, tenantID types.String,
	found *entra.Registration) list.ListResult {
	result := request.NewListResult(ctx)
	application := found.Application
	result.DisplayName = fmt.Sprintf("%s (client ID %s, created %s)", application.DisplayName, application.ClientID,
		application.CreatedAt.UTC().Format("2006-01-02"))
	result.Diagnostics.Append(result.Identity.Set(ctx, identityOf(tenantID.ValueString(), application.ObjectID))...)
	if request.IncludeResource {
		model := emptyModel()
		model.TenantID = tenantID
		var diags diag.Diagnostics
		manager := registration.Manager{
			TenantID: tenantID.ValueString(), Directory: l.services.Directory(tenantID.ValueString()), Now: l.services.Now,
		}
		seen := manager.Imported(ctx, found)
		model.configureImported(ctx, seen, &diags)
		model.setFromObserved(ctx, seen, l.consentURL(&model, seen.ClientID), "", &diags)
		diags.Append(result.Resource.Set(ctx, &model)...)
		result.Diagnostics.Append(diags...)
	}
	return result
}
