package appregistration

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/datasource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/registration"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

var _ datasource.DataSourceWithConfigure = (*DataSource)(nil)

// defaultPrefix begins the names of the applications that CodeTwo's programs register.
const defaultPrefix = "CodeTwo"

// NewDataSource returns the data source codetwo_target_app_registrations.
func NewDataSource() datasource.DataSource { return &DataSource{} }

// DataSource is codetwo_target_app_registrations.
type DataSource struct{ services Services }

// ListModel is the data source as Terraform holds it.
type ListModel struct {
	TenantID          types.String       `tfsdk:"tenant_id"`
	DisplayNamePrefix types.String       `tfsdk:"display_name_prefix"`
	Timeouts          timeouts.Value     `tfsdk:"timeouts"`
	Applications      []ApplicationModel `tfsdk:"applications"`
}

// ApplicationModel is one application of the tenant.
type ApplicationModel struct {
	DisplayName types.String               `tfsdk:"display_name"`
	ClientID    types.String               `tfsdk:"client_id"`
	ObjectID    types.String               `tfsdk:"object_id"`
	UniqueName  types.String               `tfsdk:"unique_name"`
	CreatedAt   timetypes.RFC3339          `tfsdk:"created_at"`
	Managed     types.Bool                 `tfsdk:"managed"`
	Enabled     types.Bool                 `tfsdk:"service_principal_enabled"`
	Credentials []CredentialModel          `tfsdk:"credentials"`
	Permissions map[string]PermissionModel `tfsdk:"permissions"`
	Differences map[string]DifferenceModel `tfsdk:"profile_differences"`
}

// DifferenceModel is what an application holds less and more than a profile.
type DifferenceModel struct {
	Missing    []types.String `tfsdk:"missing"`
	Additional []types.String `tfsdk:"additional"`
}

// Metadata names the data source.
func (d *DataSource) Metadata(_ context.Context, request datasource.MetadataRequest,
	response *datasource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_target_app_registrations"
}

// Configure takes the provider's services.
func (d *DataSource) Configure(_ context.Context, request datasource.ConfigureRequest,
	response *datasource.ConfigureResponse) {
	d.services = servicesOf(request.ProviderData, "codetwo_target_app_registrations", &response.Diagnostics)
}

// Schema describes what the user writes and reads.
func (d *DataSource) Schema(ctx context.Context, _ datasource.SchemaRequest, response *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	names := func(description string) schema.ListAttribute {
		return schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description}
	}
	response.Schema = schema.Schema{
		MarkdownDescription: "Lists the CodeTwo applications of a tenant, regardless of who registered them: CodeTwo's " +
			"wizard, a person, or this provider; with their credentials, their permissions, and the differences from each " +
			"permission profile. It shows which permissions your version of CodeTwo actually asked for, and which " +
			"applications may be leftovers.",
		Attributes: map[string]schema.Attribute{
			"tenant_id": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "The tenant's ID (GUID). Default: the provider's `tenant_id`.",
				Validators:          []validator.String{tfvalidate.GUID()},
			},
			"display_name_prefix": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Prefix of the applications' names. Default: `" + defaultPrefix + "`. Applications that " +
					"this provider registered are listed regardless of their name.",
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"timeouts": timeouts.AttributesWithOpts(ctx, timeouts.Opts{
				ReadDescription: "How long reading may take. Default: `5m`."}),
			"applications": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The applications, sorted by name and then by time of creation.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"display_name": text("Its name."),
					"client_id":    text("Application (client) ID (GUID)."),
					"object_id":    text("Object ID of the application (GUID)."),
					"unique_name": text("Graph's `uniqueName`; null if none was ever set, as for the applications of CodeTwo's " +
						"wizard."),
					"created_at": schema.StringAttribute{
						Computed: true, CustomType: timetypes.RFC3339Type{},
						MarkdownDescription: "When it was registered (RFC 3339, UTC).",
					},
					"managed": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it carries the tag of " +
						"the applications that this provider registered. An application that somebody else registered has none, even " +
						"if a configuration imported it."},
					"service_principal_enabled": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it may sign in; " +
						"also `false` if it has no service principal."},
					"credentials": schema.ListNestedAttribute{
						Computed:            true,
						MarkdownDescription: "All credentials that the application can sign in with.",
						NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
							"kind":   text("`client_secret`, `certificate` or `federated_credential`."),
							"key_id": text("The credential's ID (GUID)."),
							"name":   text("Its name; for a federated credential, with issuer and subject."),
							"expiry": text("When it expires (RFC 3339, UTC); empty for a federated credential."),
						}},
					},
					"permissions": schema.MapNestedAttribute{
						Computed:            true,
						MarkdownDescription: "Every permission that is declared or granted, by `<api>/<name>`.",
						NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
							"api_app_id": text("The API's app ID (GUID)."),
							"id":         text("The permission's ID on that API (GUID)."),
							"purpose":    text("What it is for, in one sentence."),
							"risk":       text("`low`, `medium`, `high`, `critical`, or `unrated`."),
							"evidence":   text("How certain it is that CodeTwo needs it."),
							"declared":   schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the application asks for it."},
							"consented":  schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it is granted."},
						}},
					},
					"profile_differences": schema.MapNestedAttribute{
						Computed: true,
						MarkdownDescription: "For each permission profile: which permissions are missing, and which are granted in " +
							"addition.",
						NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
							"missing":    names("Permissions of the profile that are not granted."),
							"additional": names("Granted permissions that are not in the profile."),
						}},
					},
				}},
			},
		},
	}
}

// Read lists the applications. Requests: one batch to find them, one batch for each. Rights: Application.Read.All.
func (d *DataSource) Read(ctx context.Context, request datasource.ReadRequest, response *datasource.ReadResponse) {
	var model ListModel
	response.Diagnostics.Append(request.Config.Get(ctx, &model)...)
	if response.Diagnostics.HasError() {
		return
	}
	if unknown := d.services.Unknown(); len(unknown) > 0 {
		response.Diagnostics.AddAttributeError(path.Root("tenant_id"), "The tenant cannot be read yet", fmt.Sprintf(
			"The provider's %s is not known before apply, and a data source is read while planning. Set it to a value that is "+
				"known, such as a variable or the environment.", strings.Join(unknown, ", ")))
		return
	}
	model.TenantID = orDefault(model.TenantID, d.services.TenantID())
	model.DisplayNamePrefix = orDefault(model.DisplayNamePrefix, types.StringValue(defaultPrefix))
	timeout, problems := model.Timeouts.Read(ctx, readTimeout)
	response.Diagnostics.Append(problems...)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	found := listApplications(ctx, d.services, model.TenantID, model.DisplayNamePrefix, &response.Diagnostics)
	if response.Diagnostics.HasError() {
		return
	}
	directory := d.services.Directory(model.TenantID.ValueString())
	model.Applications = []ApplicationModel{}
	for _, application := range found {
		model.Applications = append(model.Applications, describeApplication(ctx, directory, application))
	}
	response.Diagnostics.Append(response.State.Set(ctx, &model)...)
}

// listApplications finds and reads a tenant's applications, or says why not and what to do.
func listApplications(
	ctx context.Context, services Services, tenantID, prefix types.String, diags *diag.Diagnostics,
) []*entra.Registration {
	at := path.Root("tenant_id")
	if tenantID.IsNull() {
		diags.AddAttributeError(at, "No tenant", "Set tenant_id here, or in the provider block (environment variable "+
			"ARM_TENANT_ID).")
		return nil
	}
	found, err := registration.List(ctx, services.Directory(tenantID.ValueString()), prefix.ValueString())
	if err != nil {
		tfvalidate.AddGraphError(diags, at, "Applications not listed", err,
			strings.TrimSpace("Tenant: "+tenantID.ValueString()+". "+nextStep(err)))
	}
	return found
}

func describeApplication(ctx context.Context, directory entra.Directory, found *entra.Registration) ApplicationModel {
	application := found.Application
	permissions := registration.Unexpected(ctx, directory, found, nil)
	model := ApplicationModel{
		DisplayName: types.StringValue(application.DisplayName),
		ClientID:    types.StringValue(application.ClientID),
		ObjectID:    types.StringValue(application.ObjectID),
		UniqueName:  textOrNull(application.UniqueName),
		CreatedAt:   timetypes.NewRFC3339TimeValue(application.CreatedAt.UTC()),
		Managed:     types.BoolValue(registration.MarkerOf(application) != ""),
		Enabled:     types.BoolValue(found.ServicePrincipal != nil && found.ServicePrincipal.Enabled),
		Credentials: credentialModels(registration.Credentials(found)),
		Permissions: permissionModels(permissions),
		Differences: map[string]DifferenceModel{},
	}
	for _, profile := range permission.Profiles() {
		if profile != permission.Custom {
			model.Differences[string(profile)] = differenceFrom(profile, permissions)
		}
	}
	return model
}

func differenceFrom(profile permission.Profile, held map[string]registration.Permission) DifferenceModel {
	difference := DifferenceModel{Missing: []types.String{}, Additional: []types.String{}}
	wanted, _ := profile.Permissions()
	inProfile := map[string]bool{}
	for _, entry := range wanted {
		inProfile[entry.Key()] = true
		if !held[entry.Key()].Consented {
			difference.Missing = append(difference.Missing, types.StringValue(entry.Key()))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(held)) {
		if held[key].Consented && !inProfile[key] {
			difference.Additional = append(difference.Additional, types.StringValue(key))
		}
	}
	return difference
}
