// Package tfvalidate holds what the provider, its resources and its data sources share towards Terraform: the
// validators of attribute values, and how an error of Microsoft's services becomes a diagnostic.
package tfvalidate

import (
	"context"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// text is a validator of known strings. A value that is null or unknown passes: whether it may be is the schema's rule.
type text struct {
	summary  string // of the diagnostic
	expected string // completes "must be …"
	check    func(value string) error
}

func (v text) Description(context.Context) string { return "must be " + v.expected }

func (v text) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v text) ValidateString(_ context.Context, request validator.StringRequest, response *validator.StringResponse) {
	if request.ConfigValue.IsNull() || request.ConfigValue.IsUnknown() {
		return
	}
	value := request.ConfigValue.ValueString()
	if err := v.check(value); err != nil {
		response.Diagnostics.AddAttributeError(request.Path, v.summary,
			fmt.Sprintf("%s is %q: %v. It must be %s.", request.Path, value, err, v.expected))
	}
}

// GUID accepts the IDs of Entra: 32 hex digits in five groups, in either case, without braces.
func GUID() validator.String {
	return text{"Not a GUID", "a GUID such as 00000003-0000-0000-c000-000000000000", func(value string) error {
		if IsGUID(value) {
			return nil
		}
		return fmt.Errorf("that is no GUID")
	}}
}

var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// IsGUID tells whether the text is a GUID as Entra writes it, in either case.
func IsGUID(value string) bool { return guid.MatchString(value) }

// EmailAddress accepts a bare address with a full domain: what a mailbox is called by.
func EmailAddress() validator.String {
	return text{"Not an e-mail address", "an e-mail address such as migration@contoso.onmicrosoft.com", checkEmail}
}

func checkEmail(value string) error {
	// RFC 5321, 4.5.3.1.3: a path is at most 256 octets with its brackets.
	if len(value) > 254 {
		return fmt.Errorf("that is longer than 254 characters")
	}
	address, err := mail.ParseAddress(value)
	if err != nil || address.Address != value || strings.ContainsAny(value, "\" /\\") {
		return fmt.Errorf("that is no bare e-mail address")
	}
	domain := value[strings.LastIndex(value, "@")+1:]
	if !strings.Contains(strings.Trim(domain, "."), ".") {
		return fmt.Errorf("its domain %q has no dot", domain)
	}
	return nil
}

// Thumbprint accepts a certificate's SHA-1 thumbprint as people copy it: with spaces, colons, in either case, with
// invisible marks.
func Thumbprint() validator.String {
	return text{"Not a certificate thumbprint", "a certificate's SHA-1 thumbprint, 40 hex digits (spaces, colons and case do not matter)", func(value string) error {
		_, err := certificate.NormalizeThumbprint(value)
		return err
	}}
}

// FileURL accepts the URL of a connection store: file:// and an absolute path.
func FileURL() validator.String { return fileURL{} }

// fileURL leaves both rule and words to the store.
type fileURL struct{}

func (fileURL) Description(context.Context) string {
	return "must be a file URL with an absolute path such as file:///srv/codetwo-store"
}

func (v fileURL) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (fileURL) ValidateString(_ context.Context, request validator.StringRequest, response *validator.StringResponse) {
	if request.ConfigValue.IsNull() || request.ConfigValue.IsUnknown() {
		return
	}
	if err := store.CheckURL(request.ConfigValue.ValueString()); err != nil {
		response.Diagnostics.AddAttributeError(request.Path, "Not a connection store", fmt.Sprintf("%s: %v.", request.Path, err))
	}
}

// HTTPSOrigin accepts https, a host and perhaps a port, and nothing after it.
func HTTPSOrigin() validator.String {
	return text{"Not an https origin", "an https origin such as https://127.0.0.1:8443, without path and trailing slash", CheckHTTPSOrigin}
}

// CheckHTTPSOrigin says what keeps the text from being an https origin: a URL of scheme, host and port alone.
func CheckHTTPSOrigin(value string) error {
	origin, err := url.Parse(value)
	switch {
	case err != nil:
		return fmt.Errorf("that is no URL")
	case origin.Scheme != "https":
		return fmt.Errorf("it does not begin with https://")
	case origin.Hostname() == "":
		return fmt.Errorf("it names no host")
	case origin.User != nil:
		return fmt.Errorf("it holds a user name")
	case value != "https://"+origin.Host:
		return fmt.Errorf("something follows the host")
	}
	return nil
}

// IsLoopback tells whether an origin is on this machine, by its name alone: a name that has to be looked up could lead
// anywhere tomorrow.
func IsLoopback(origin string) bool {
	location, err := url.Parse(origin)
	if err != nil {
		return false
	}
	host := location.Hostname()
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.Unmap().IsLoopback()
}
