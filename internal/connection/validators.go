package connection

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/guid"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

// recipient accepts public keys of age.
type recipient struct{}

func (recipient) Description(context.Context) string { return "must be a public key of age (age1…)" }

func (v recipient) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (recipient) ValidateString(_ context.Context, request validator.StringRequest,
	response *validator.StringResponse) {
	if request.ConfigValue.IsNull() || request.ConfigValue.IsUnknown() {
		return
	}
	if err := sealing.CheckRecipient(request.ConfigValue.ValueString()); err != nil {
		// Not at the element's path: a set's path shows the element, which may be a secret key given by mistake.
		response.Diagnostics.AddAttributeError(request.Path.ParentPath(), "Not a public key of age", "handoff_recipients: "+
			err.Error()+".")
	}
}

// publicFolderPaths accepts paths that the store can keep.
type publicFolderPaths struct{}

func (publicFolderPaths) Description(context.Context) string {
	return `must be paths of public folders, such as \Sales\Archive, each of them once`
}

func (v publicFolderPaths) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (publicFolderPaths) ValidateSet(_ context.Context, request validator.SetRequest, response *validator.SetResponse) {
	var paths []string
	for _, element := range request.ConfigValue.Elements() {
		if path, ok := element.(types.String); ok && !path.IsNull() && !path.IsUnknown() {
			paths = append(paths, path.ValueString())
		}
	}
	if err := store.CheckPublicFolderPaths(paths); err != nil {
		advice := ""
		if strings.Contains(err.Error(), "backslash") {
			advice = "\n\n" + `In a quoted string of Terraform each backslash is written twice: "\\Sales\\Archive".`
		}
		response.Diagnostics.AddAttributeError(request.Path, "Invalid public_folder_paths", fmt.Sprintf("%s: %v.%s",
			request.Path, err, advice))
	}
}

// checkClientSecret refuses what cannot be the value of a client secret, and never shows it.
func checkClientSecret(value string) error {
	switch {
	case value == "":
		return errors.New("it is empty")
	case guid.Valid(value):
		// What sign-in would answer with AADSTS7000215 (Microsoft: "Microsoft Entra authentication and authorization error
		// codes").
		return errors.New("it is a GUID, and so the secret's ID; the Entra portal shows the value next to it, once, when " +
			"the secret is made")
	case strings.TrimSpace(value) != value:
		return errors.New("it begins or ends with white space, perhaps the line break at the end of a file; use trimspace()")
	}
	return nil
}
