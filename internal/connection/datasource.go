package connection

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

var _ datasource.DataSourceWithConfigure = (*DataSource)(nil)

// NewDataSource returns the data source codetwo_target_connections.
func NewDataSource() datasource.DataSource { return &DataSource{} }

// DataSource is codetwo_target_connections: what CodeTwo shows on its Defined target server connections card.
type DataSource struct{ services Services }

// ListModel is the data source's configuration or state.
type ListModel struct {
	TenantID    types.String `tfsdk:"tenant_id"`
	Connections []ListItem   `tfsdk:"connections"`
}

// ListItem is one connection of the list.
type ListItem struct {
	ID                    types.String      `tfsdk:"id"`
	TenantID              types.String      `tfsdk:"tenant_id"`
	Mailbox               types.String      `tfsdk:"mailbox"`
	Name                  types.String      `tfsdk:"name"`
	ClientID              types.String      `tfsdk:"client_id"`
	CredentialType        types.String      `tfsdk:"credential_type"`
	CertificateThumbprint types.String      `tfsdk:"certificate_thumbprint"`
	CertificateNotAfter   timetypes.RFC3339 `tfsdk:"certificate_not_after"`
	ClientSecretExpiresAt timetypes.RFC3339 `tfsdk:"client_secret_expires_at"`
	MigratePublicFolders  types.Bool        `tfsdk:"migrate_public_folders"`
	PublicFolderPaths     []string          `tfsdk:"public_folder_paths"`
	Revision              types.String      `tfsdk:"revision"`
	RecordURL             types.String      `tfsdk:"record_url"`
	HandoffURL            types.String      `tfsdk:"handoff_url"`
}

// Metadata names the data source.
func (d *DataSource) Metadata(_ context.Context, request datasource.MetadataRequest,
	response *datasource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_target_connections"
}

// Configure takes the provider's services.
func (d *DataSource) Configure(_ context.Context, request datasource.ConfigureRequest,
	response *datasource.ConfigureResponse) {
	d.services = servicesOf(request.ProviderData, "codetwo_target_connections", &response.Diagnostics)
}

// Schema returns the data source's schema.
func (d *DataSource) Schema(_ context.Context, _ datasource.SchemaRequest, response *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	moment := func(description string) schema.StringAttribute {
		return schema.StringAttribute{CustomType: timetypes.RFC3339Type{}, Computed: true, MarkdownDescription: description}
	}
	response.Schema = schema.Schema{
		MarkdownDescription: "The target connections in the provider's connection store, without their secrets: what " +
			"CodeTwo Office 365 Migration shows on its *Defined target server connections* card. A record that cannot be " +
			"read, or does not prove that an operator wrote it, is omitted, with a warning that names it.",
		Attributes: map[string]schema.Attribute{
			"tenant_id": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "ID of the tenant whose connections are listed. Default: all tenants.",
				Validators:          []validator.String{tfvalidate.GUID()},
			},
			"connections": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The connections, ordered by tenant and mailbox.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"id":                       text("`<tenant_id>/<mailbox>`, in lower case: the ID for an import."),
					"tenant_id":                text("ID of the target tenant."),
					"mailbox":                  text("E-mail address of the dedicated application mailbox."),
					"name":                     text("Label of the connection."),
					"client_id":                text("Client ID of the app."),
					"credential_type":          text("`certificate` or `client_secret`."),
					"certificate_thumbprint":   text("Thumbprint of the certificate, 40 upper-case hexadecimal digits."),
					"certificate_not_after":    moment("When the certificate expires (RFC 3339, UTC), if known."),
					"client_secret_expires_at": moment("When the client secret expires (RFC 3339, UTC), if known."),
					"migrate_public_folders": schema.BoolAttribute{
						Computed: true, MarkdownDescription: "Whether public folders are migrated too.",
					},
					"public_folder_paths": schema.SetAttribute{
						Computed: true, ElementType: types.StringType,
						MarkdownDescription: "Public folders below the root that are migrated into, as listed in the connection.",
					},
					"revision":    text("Changes with every change of the connection."),
					"record_url":  text("URL of the connection's record."),
					"handoff_url": text("URL of the sheet for the person at the migration server."),
				}},
			},
		},
	}
}

// Read lists the records of the store.
func (d *DataSource) Read(ctx context.Context, request datasource.ReadRequest, response *datasource.ReadResponse) {
	var model ListModel
	response.Diagnostics.Append(request.Config.Get(ctx, &model)...)
	if response.Diagnostics.HasError() {
		return
	}
	if d.services.StoreUnknown() {
		response.Diagnostics.AddError("The connection store is not known yet", "The provider's connection_store has a "+
			"value that is known only after apply, "+
			"and the list is read while planning. Give it a value that is known, or apply what it comes from first (-target).")
		return
	}
	s := openStore(d.services, &response.Diagnostics)
	if s == nil {
		return
	}
	records, unreadable, err := s.Connections(ctx, model.TenantID.ValueString())
	if err != nil {
		response.Diagnostics.AddError("Failed to list the connections", err.Error()+".")
		return
	}
	for _, err := range unreadable {
		response.Diagnostics.AddWarning("A connection was omitted", err.Error()+".")
	}
	model.Connections = make([]ListItem, 0, len(records))
	for _, c := range records {
		model.Connections = append(model.Connections, ListItem{
			ID: types.StringValue(c.ID()), TenantID: types.StringValue(c.TenantID), Mailbox: types.StringValue(c.Mailbox),
			Name: types.StringValue(c.Name), ClientID: types.StringValue(c.ClientID),
			CredentialType:        types.StringValue(c.CredentialType),
			CertificateThumbprint: textOf(c.CertificateThumbprint), CertificateNotAfter: timeText(c.CertificateNotAfter),
			ClientSecretExpiresAt: timeText(c.ClientSecretExpiresAt),
			MigratePublicFolders:  types.BoolValue(c.MigratePublicFolders),
			PublicFolderPaths:     append([]string{}, c.PublicFolderPaths...),
			Revision:              types.StringValue(c.Revision),
			RecordURL:             types.StringValue(s.RecordURL(c.TenantID, c.Mailbox)),
			HandoffURL:            types.StringValue(s.HandoffURL(c.TenantID, c.Mailbox)),
		})
	}
	response.Diagnostics.Append(response.State.Set(ctx, &model)...)
}
