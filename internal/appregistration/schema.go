package appregistration

import (
	"context"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

// defaultDisplayName is what CodeTwo's wizard calls the app that it registers.
const defaultDisplayName = "CodeTwo Office 365 Migration Target"

// Schema describes what the user writes and reads. ModifyPlan computes the defaults that depend on something, and those
// of nested attributes.
func (r *Resource) Schema(ctx context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "Registers CodeTwo Office 365 Migration as an application in a target tenant: the " +
			"application, its service principal, a certificate, the permissions and the admin consent. The plan shows them " +
			"for review, apply repairs drift, and destroy removes them. It replaces the *automatic* registration of CodeTwo's " +
			"*Target server connection wizard*.",
		Attributes: map[string]schema.Attribute{
			"id": computedString("`<tenant_id>/<object_id>`."),
			"tenant_id": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "The target tenant's ID (GUID). Default: the provider's `tenant_id`. A change replaces the " +
					"registration.",
				Validators: []validator.String{tfvalidate.GUID()},
			},
			"display_name": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(defaultDisplayName),
				MarkdownDescription: "The application's name in the tenant. Default: `" + defaultDisplayName +
					"`, as CodeTwo's wizard names it.",
				Validators: []validator.String{stringvalidator.LengthBetween(1, 256)},
			},
			"unique_name": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Graph's `uniqueName`, which only one application in the tenant can have, so that a " +
					"repeated create never creates a second one. Default: `codetwo-target-` followed by a hash of the display name. " +
					"Required with `allow_duplicate_name`. A change replaces the registration.",
				Validators: []validator.String{stringvalidator.RegexMatches(regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,119}$`),
					"must be 1 to 120 letters, digits, hyphens and underscores, and begin with a letter or digit")},
			},
			"permission_profile": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(string(permission.ExistingMailboxes)),
				MarkdownDescription: "What the app may do: `existing_mailboxes` (default) migrates into mailboxes that exist; " +
					"`create_mailboxes` also lets CodeTwo create users and assign licences; `custom` contains only " +
					"`additional_permissions`. CodeTwo publishes no list of permissions: each permission's `evidence` says how " +
					"certain it is.",
				Validators: []validator.String{stringvalidator.OneOf(profileNames()...)},
			},
			"additional_permissions": schema.SetNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Application permissions in addition to the profile's.",
				NestedObject:        schema.NestedAttributeObject{Attributes: requestedAttributes()},
			},
			"grant_admin_consent": optionalBool(true,
				"Whether to consent to the permissions for the whole tenant. Default: `true`. With `false`, an administrator does "+
					"so at `admin_consent_url`."),
			"revoke_unexpected_permissions": schema.BoolAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Whether to revoke permissions that are granted or declared, but not configured here. " +
					"Default: `true` for an application created here, `false` for an imported one, since a running migration may " +
					"need what somebody else granted.",
			},
			"certificate": certificateSchema(),
			"allow_duplicate_name": optionalBool(false,
				"Whether another application with the same display name may exist in the tenant. Default: `false`: it is an "+
					"error that contains the import block to paste."),
			"restore_deleted": optionalBool(false,
				"Whether to restore an application with this name from the recycle bin, and change it to what is declared. "+
					"Default: `false`: it is an error that lists the options."),
			"purge_on_destroy": optionalBool(false,
				"Whether destroy also deletes the application from the recycle bin. Default: `false`: it can be restored for 30 "+
					"days. The last applied value counts."),
			"timeouts": timeouts.Attributes(ctx, timeouts.Opts{Create: true, Read: true, Update: true, Delete: true,
				CreateDescription: "How long creating may take, including the wait for Entra's replicas. Default: `10m`.",
				ReadDescription:   "How long reading may take. Default: `5m`.",
				UpdateDescription: "How long changing may take. Default: `10m`.",
				DeleteDescription: "How long deleting may take. Default: `10m`.",
			}),
			"permissions": schema.MapNestedAttribute{
				Computed:            true,
				MarkdownDescription: "Every configured permission, by `<api>/<name>`; known while planning.",
				NestedObject:        schema.NestedAttributeObject{Attributes: permissionAttributes()},
			},
			"unexpected_permissions": schema.MapNestedAttribute{
				Computed: true,
				MarkdownDescription: "Permissions that are granted or declared, but not configured here. Planned empty, with a " +
					"warning for each, if `revoke_unexpected_permissions` is true.",
				NestedObject: schema.NestedAttributeObject{Attributes: permissionAttributes()},
			},
			"unexpected_credentials": schema.ListNestedAttribute{
				Computed: true,
				MarkdownDescription: "Client secrets, certificates and federated credentials on the application that this " +
					"resource did not create. They are reported, never deleted.",
				NestedObject: schema.NestedAttributeObject{Attributes: credentialAttributes()},
			},
			"service_principal_enabled": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the application " +
				"may sign in. Planned `true`."},
			"sign_in_audience": computedString(
				"Who may use the application. Planned `AzureADMyOrg`: this tenant only."),
			"client_id": computedString(
				"The application (client) ID (GUID), as CodeTwo's wizard asks for it."),
			"object_id":                   computedString("The application object's ID (GUID)."),
			"service_principal_object_id": computedString("The service principal's object ID (GUID)."),
			"admin_consent_url":           computedString("URL at which an administrator can consent to the permissions."),
			"journal_url": computedString("URL of the registration's journal in the connection store. Null where the store " +
				"does not prove the journal or the certificate's key, which the next apply repairs, and for an imported " +
				"application that has none."),
		},
	}
}

func certificateSchema() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional: true, Computed: true,
		MarkdownDescription: "The certificate that CodeTwo signs in with. Its private key is generated on the " +
			"machine that runs Terraform, and kept, encrypted, only in the connection store: never in state or plan.",
		Attributes: map[string]schema.Attribute{
			"validity_years": optionalNumber(int64validator.Between(1, 10),
				"Validity of a generated certificate, in years (1 to 10). Default: `5`, as in CodeTwo's wizard. A change rotates "+
					"the certificate."),
			"key_size": optionalNumber(int64validator.OneOf(2048, 3072, 4096),
				"Bits of a generated RSA key: `2048` (default), `3072` or `4096`. A change rotates the certificate."),
			"renew_before_days": optionalNumber(int64validator.Between(0, 3650),
				"How many days before the certificate expires a plan proposes a new one. Default: `60`."),
			"previous_certificate_days": optionalNumber(int64validator.Between(0, 3650),
				"How many days a replaced certificate can still be used to sign in, so that the new one can be imported where "+
					"CodeTwo runs. Default: `30`."),
			"public_certificate_pem": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "A certificate of your own (PEM, RSA of 2048 bits or more, without its private key) instead " +
					"of a generated one.",
				Validators: []validator.String{tfvalidate.Text("Unusable certificate",
					"one certificate in PEM, RSA of 2048 bits or more, without its private key", func(pem string) error {
						_, err := certificate.ParsePEM(pem)
						return err
					})},
			},
			"take_over": schema.BoolAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Whether the certificate of an imported application, whose key is elsewhere, may be renewed " +
					"from here. Default: `false`.",
			},
			"thumbprint": computedString("SHA-1 thumbprint, 40 upper-case hex digits, as CodeTwo's wizard asks for it."),
			"not_before": computedTime("Start of validity (RFC 3339, UTC)."),
			"not_after":  computedTime("End of validity (RFC 3339, UTC)."),
			"pem":        computedString("The certificate, without its key (PEM)."),
			"key_source": computedString("Where the key is: `generated` here and in the store, `provided` " +
				"(`public_certificate_pem`), or `external` (imported application, key elsewhere)."),
			"renewal_due": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether a new certificate is due; a " +
				"plan then proposes it."},
			"previous": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "Replaced certificates that were added here and can still be used to sign in.",
				NestedObject:        schema.NestedAttributeObject{Attributes: previousAttributes()},
			},
		},
	}
}

func previousAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"thumbprint":   computedString("SHA-1 thumbprint."),
		"key_id":       computedString("ID of the key credential (GUID)."),
		"remove_after": computedTime("When a plan proposes its removal (RFC 3339, UTC)."),
	}
}

func requestedAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"api": schema.StringAttribute{
			Required: true,
			MarkdownDescription: "`" + permission.Graph.Name + "`, `" + permission.Exchange.Name +
				"`, or another API's app ID (GUID).",
			Validators: []validator.String{tfvalidate.Text("Unknown API", "an API's name or app ID", func(api string) error {
				_, err := permission.FindAPI(api)
				return err
			})},
		},
		"name": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "The application permission's name, such as `Mail.Read`.",
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
		},
	}
}

func credentialAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"kind":   computedString("`client_secret`, `certificate` or `federated_credential`."),
		"key_id": computedString("The credential's ID (GUID)."),
		"name":   computedString("Its name; for a federated credential, with issuer and subject."),
		"expiry": computedString("When it expires (RFC 3339, UTC); empty for a federated credential, which does not expire."),
	}
}

func permissionAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"api_app_id": computedString("The API's app ID (GUID)."),
		"id":         computedString("The permission's ID on that API (GUID)."),
		"purpose":    computedString("What it is for, in one sentence."),
		"risk": computedString("`low`, `medium`, `high` or `critical`: the harm that anyone with the key can do with it; " +
			"`unrated` for a permission that the provider does not know."),
		"evidence": computedString("How certain it is that CodeTwo needs it."),
		"declared": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the application asks for it " +
			"(`requiredResourceAccess`)."},
		"consented": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it is granted (admin consent)."},
	}
}

func optionalBool(otherwise bool, description string) schema.BoolAttribute {
	return schema.BoolAttribute{
		Optional: true, Computed: true, Default: booldefault.StaticBool(otherwise), MarkdownDescription: description,
	}
}

func optionalNumber(rule validator.Int64, description string) schema.Int64Attribute {
	return schema.Int64Attribute{
		Optional: true, Computed: true, Validators: []validator.Int64{rule}, MarkdownDescription: description,
	}
}

func computedString(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}

func computedTime(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, CustomType: timetypes.RFC3339Type{}, MarkdownDescription: description}
}

func profileNames() []string {
	var names []string
	for _, profile := range permission.Profiles() {
		names = append(names, string(profile))
	}
	return names
}
