package appregistration

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
)

// apiValidator accepts what names an API.
type apiValidator struct{}

func (apiValidator) Description(context.Context) string { return "names an API" }

func (v apiValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (apiValidator) ValidateString(_ context.Context, request validator.StringRequest,
	response *validator.StringResponse) {
	if !isSet(request.ConfigValue) {
		return
	}
	if _, err := permission.FindAPI(request.ConfigValue.ValueString()); err != nil {
		response.Diagnostics.AddAttributeError(request.Path, "Unknown API", err.Error())
	}
}

// The CLI does not show the path of a nested attribute, so these messages begin with it.

// keySizeValidator accepts the RSA sizes that CodeTwo and Entra both take, and says why less is refused.
type keySizeValidator struct{}

func (keySizeValidator) Description(context.Context) string { return "is 2048, 3072 or 4096" }

func (v keySizeValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (keySizeValidator) ValidateInt64(_ context.Context, request validator.Int64Request,
	response *validator.Int64Response) {
	if !isSet(request.ConfigValue) {
		return
	}
	switch bits := request.ConfigValue.ValueInt64(); {
	case bits == 2048 || bits == 3072 || bits == 4096:
	case bits < 2048:
		response.Diagnostics.AddAttributeError(request.Path, "Key too small", fmt.Sprintf(
			"%s: CodeTwo refuses a key of %d bits (\"The certificate used must have a key size of at least 2048 bits.\"). "+
				"Use 2048, 3072 or 4096.", request.Path, bits))
	default:
		response.Diagnostics.AddAttributeError(request.Path, "Unsupported key size",
			fmt.Sprintf("%s: %d bits are not supported. Use 2048, 3072 or 4096.", request.Path, bits))
	}
}

// publicCertificateValidator accepts one certificate without its key.
type publicCertificateValidator struct{}

func (publicCertificateValidator) Description(context.Context) string {
	return "is one certificate in PEM, RSA of 2048 bits or more, without its private key"
}

func (v publicCertificateValidator) MarkdownDescription(ctx context.Context) string {
	return v.Description(ctx)
}

func (publicCertificateValidator) ValidateString(_ context.Context, request validator.StringRequest,
	response *validator.StringResponse) {
	if !isSet(request.ConfigValue) {
		return
	}
	if _, err := certificate.ParsePEM(request.ConfigValue.ValueString()); err != nil {
		response.Diagnostics.AddAttributeError(request.Path, "Unusable certificate",
			fmt.Sprintf("%s: %s.", request.Path, err))
	}
}

// ValidateConfig refuses what contradicts itself before anything is read.
func (r *Resource) ValidateConfig(ctx context.Context, request resource.ValidateConfigRequest,
	response *resource.ValidateConfigResponse) {
	var config Model
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	if response.Diagnostics.HasError() {
		return
	}
	if config.PermissionProfile.ValueString() == string(permission.Custom) && !config.AdditionalPermissions.IsUnknown() &&
		len(config.AdditionalPermissions.Elements()) == 0 {
		response.Diagnostics.AddAttributeError(path.Root("additional_permissions"), "No permissions",
			"permission_profile = \"custom\" holds nothing by itself, so the application could do nothing. Name what it needs "+
				"in additional_permissions, or choose another profile.")
	}
}
