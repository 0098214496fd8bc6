package connection

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

// recipient accepts public keys of age.
type recipient struct{}

func (recipient) Description(context.Context) string { return "must be a public key of age (age1…)" }

func (v recipient) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (recipient) ValidateString(_ context.Context, request validator.StringRequest, response *validator.StringResponse) {
	if request.ConfigValue.IsNull() || request.ConfigValue.IsUnknown() {
		return
	}
	if err := store.CheckRecipient(request.ConfigValue.ValueString()); err != nil {
		// Not at the element's path: a set's path shows the element, which may be a secret key given by mistake.
		response.Diagnostics.AddAttributeError(request.Path.ParentPath(), "Not a public key of age", "handoff_recipients: "+err.Error()+".")
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
		response.Diagnostics.AddAttributeError(request.Path, "Invalid public_folder_paths", fmt.Sprintf("%s: %v.%s", request.Path, err, advice))
	}
}

// mailboxAddress accepts what the store can keep a connection under.
type mailboxAddress struct{}

func (mailboxAddress) Description(context.Context) string {
	return "must be an e-mail address without invisible characters, at a domain's name"
}

func (v mailboxAddress) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (mailboxAddress) ValidateString(_ context.Context, request validator.StringRequest, response *validator.StringResponse) {
	if request.ConfigValue.IsNull() || request.ConfigValue.IsUnknown() {
		return
	}
	if err := store.CheckMailbox(request.ConfigValue.ValueString()); err != nil {
		response.Diagnostics.AddAttributeError(request.Path, "Not a mailbox's address", fmt.Sprintf("%s: %v.", request.Path, err))
	}
}

// timestamp accepts times as RFC 3339 writes them.
type timestamp struct{}

func (timestamp) Description(context.Context) string {
	return "must be a time such as 2027-11-30T12:00:00Z (RFC 3339)"
}

func (v timestamp) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v timestamp) ValidateString(ctx context.Context, request validator.StringRequest, response *validator.StringResponse) {
	if request.ConfigValue.IsNull() || request.ConfigValue.IsUnknown() {
		return
	}
	if _, err := time.Parse(time.RFC3339, request.ConfigValue.ValueString()); err != nil {
		response.Diagnostics.AddAttributeError(request.Path, "Not a time",
			fmt.Sprintf("%s is %q. It %s.", request.Path, request.ConfigValue.ValueString(), v.Description(ctx)))
	}
}

// clientSecret refuses what cannot be the value of a client secret, and never shows it.
type clientSecret struct{}

func (clientSecret) Description(context.Context) string {
	return "must be the value of a client secret, not its ID"
}

func (v clientSecret) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (clientSecret) ValidateString(_ context.Context, request validator.StringRequest, response *validator.StringResponse) {
	if request.ConfigValue.IsNull() || request.ConfigValue.IsUnknown() {
		return
	}
	value := request.ConfigValue.ValueString()
	problem := ""
	switch {
	case value == "":
		problem = "It is empty."
	case tfvalidate.IsGUID(value):
		// What sign-in would answer with AADSTS7000215 (Microsoft: "Microsoft Entra authentication and authorization error codes").
		problem = "It is a GUID, and so the secret's ID. The value is shown beside it in the Entra portal, once, when the secret is made."
	case strings.TrimSpace(value) != value:
		problem = "It begins or ends with white space, perhaps the line break at the end of a file. Use trimspace()."
	}
	if problem != "" {
		response.Diagnostics.AddAttributeError(request.Path, "Not the value of a client secret", fmt.Sprintf("%s: %s", request.Path, problem))
	}
}
