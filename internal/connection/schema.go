package connection

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

// Schema returns the resource's schema.
func (r *Resource) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "A target connection of CodeTwo Office 365 Migration: the answers to *Application details* in " +
			"its *Target server connection wizard*. The connection is kept in the provider's connection store, with its " +
			"secret encrypted, and handed over as a sheet that lists what to type into the wizard, in the wizard's order. " +
			"CodeTwo publishes no import, command line or PowerShell module for connections.\n\nDestroying the connection " +
			"removes its record and its secret. It also removes the certificate's key from the store if nothing else names " +
			"the certificate and the file at `certificate_pfx_path` still exists. Otherwise the store may hold the only copy, " +
			"so the key is kept, with a warning. Destroying never changes the app.",
		Attributes: map[string]schema.Attribute{
			"id": computed("`<tenant_id>/<mailbox>`, in lower case."),
			"tenant_id": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "ID of the target tenant. A change replaces the connection.",
				Validators:          []validator.String{tfvalidate.GUID()},
			},
			"mailbox": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "E-mail address of the dedicated application mailbox: a licensed user with a mailbox, " +
					"through which CodeTwo reads the tenant's information. A tenant can have one connection for each address, " +
					"regardless of case. An `onmicrosoft.com` address remains valid when domains are moved. A change replaces the " +
					"connection.",
				Validators: []validator.String{tfvalidate.EmailAddress()},
			},
			"name": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Label of the connection. Default: the mailbox's domain.",
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"client_id": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "Client ID (application ID) of the app that CodeTwo signs in as. Several connections may " +
					"share one app.",
				Validators: []validator.String{tfvalidate.GUID()},
			},
			"certificate_thumbprint": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Thumbprint (SHA-1) of the certificate that the app signs in with. Exactly one of this and " +
					"`client_secret_wo` is needed. Spaces, colons, case and invisible marks do not matter. If the certificate's key " +
					"is in the connection store, the hand-off contains a script that imports it; a certificate whose key is only on " +
					"the machine that runs CodeTwo works as well.",
				Validators: []validator.String{tfvalidate.Thumbprint()},
			},
			"certificate_pfx_path": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Path of a PFX file with the certificate and its key, which are imported into the " +
					"connection store. It is checked while planning: password, key (RSA, 2048 bits or more), dates, thumbprint. " +
					"Once they are in the store, the file is no longer needed.",
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"certificate_pfx_password_wo": schema.StringAttribute{
				Optional: true, Sensitive: true, WriteOnly: true,
				MarkdownDescription: "Password of the PFX file. It is never written to plan or state. In the store, the PFX has " +
					"another password.",
				Validators: []validator.String{stringvalidator.AlsoRequires(
					path.MatchRoot("certificate_pfx_path"), path.MatchRoot("certificate_pfx_password_wo_version"))},
			},
			"certificate_pfx_password_wo_version": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "Any number. A change reads the PFX file again.",
				Validators:          []validator.Int64{int64validator.AlsoRequires(path.MatchRoot("certificate_pfx_password_wo"))},
			},
			"certificate_pfx_encryption": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "How the PFX file in the connection store is encrypted, regardless of where its key came " +
					"from: `aes256`, as new files are, or `legacy` (3DES with SHA-1) for a migration server with Windows Server " +
					"2016 or older, which supports nothing newer. A change packs the file again under another password; " +
					"without a value, the file stays unchanged. Connections that share a certificate share the file, and must " +
					"not contradict one another.",
				Validators: []validator.String{stringvalidator.OneOf(certificate.AES256.String(), certificate.Legacy.String()),
					stringvalidator.AlsoRequires(path.MatchRoot("certificate_thumbprint"))},
			},
			"client_secret_wo": schema.StringAttribute{
				Optional: true, Sensitive: true, WriteOnly: true,
				MarkdownDescription: "Value of the app's client secret. It is never written to plan or state, and is kept " +
					"encrypted in the connection store. Exactly one of this and `certificate_thumbprint` is needed.",
				Validators: []validator.String{
					tfvalidate.Text("Not the value of a client secret", "the value of a client secret, not its ID", checkClientSecret),
					stringvalidator.AlsoRequires(path.MatchRoot("client_secret_wo_version")),
				},
			},
			"client_secret_wo_version": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "Any number. A change writes the client secret again.",
				Validators:          []validator.Int64{int64validator.AlsoRequires(path.MatchRoot("client_secret_wo"))},
			},
			"client_secret_expires_at": schema.StringAttribute{
				CustomType: timetypes.RFC3339Type{},
				Optional:   true,
				MarkdownDescription: "When the client secret expires (RFC 3339, such as `2027-11-30T12:00:00Z`), for instance " +
					"`end_date` of `azuread_application_password`.",
				Validators: []validator.String{stringvalidator.AlsoRequires(path.MatchRoot("client_secret_wo"))},
			},
			"migrate_public_folders": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether public folders are migrated too. The mailbox then needs the Owner permission on " +
					"the root public folder, which the connectivity check verifies, and on every subfolder that is migrated into; " +
					"see `public_folder_paths`. Default: `false`.",
			},
			"public_folder_paths": schema.SetAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "Public folders below the root that are migrated into, as `Get-PublicFolder` shows their " +
					"`Identity`, such as `\\Sales\\Archive` (in a quoted string each backslash is written twice: " +
					"`\"\\\\Sales\\\\Archive\"`). CodeTwo needs the Owner permission on each of them, too: the connectivity check " +
					"names those that are missing or lack it, and the hand-off sheet has the commands that add it. Needs " +
					"`migrate_public_folders`. The root is always checked; do not list it. Without a value, only the root is " +
					"checked.",
				Validators: []validator.Set{setvalidator.NoNullValues(), publicFolderPaths{}},
			},
			"handoff_recipients": schema.SetAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "Public keys ([age](https://age-encryption.org), `age1…`) of the people at the migration " +
					"server. The client secret, or the password of the certificate's PFX, is also encrypted to them, so that they " +
					"do not need the store's passphrase. If one is removed, the PFX gets another password; somebody who kept " +
					"the former one and the file still has the key until the certificate is replaced.",
				Validators: []validator.Set{setvalidator.NoNullValues(), setvalidator.ValueStringsAre(recipient{})},
			},
			"revision": computed("Changes with every change of the connection. Pass it as `revision` to " +
				"`codetwo_target_connectivity`, so that the check waits for the change."),
			"credential_type": computed("`certificate` or `client_secret`."),
			"certificate_not_after": schema.StringAttribute{
				CustomType: timetypes.RFC3339Type{}, Computed: true,
				MarkdownDescription: "When the certificate expires (RFC 3339, UTC). Null for a client secret, " +
					"and for a certificate that was not in the connection store when the connection was last written.",
			},
			"record_url": computed("URL of the connection's record; it contains no secret."),
			"handoff_url": computed("URL of the hand-off sheet for the person at the migration server; it contains no secret. " +
				"Null if a file of the connection is missing or not as it was written, which the next apply repairs."),
			"handoff_sheet_sha256": computed("SHA-256 of the hand-off sheet, 64 lower-case hexadecimal digits. Send it over " +
				"another channel than the sheet, to be compared before the sheet is used."),
			"handoff_script_sha256": computed("SHA-256 of the certificate import script, 64 lower-case hexadecimal digits. " +
				"Send it over another channel than the script, to be compared before the script is run. Null without a script."),
		},
	}
}

func computed(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}
