// Package tfvalidate provides the attribute validators, the error diagnostics and the logs of retry pauses that the
// provider and the resource packages share.
package tfvalidate

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/guid"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// text is a validator of known strings. A value that is null or unknown passes: whether it may be is the schema's rule.
type text struct {
	summary  string // of the diagnostic
	expected string // completes "must be …"
	check    func(value string) error
}

// Text returns a validator of strings by a rule that has its own words. A diagnostic's detail is the attribute's path
// and the error of check, which names the value, or keeps a secret one to itself. expected completes "must be …".
func Text(summary, expected string, check func(value string) error) validator.String {
	return text{summary, expected, check}
}

// mustBe is Text for a rule that says what is wrong and not what is expected.
func mustBe(summary, expected string, check func(value string) error) validator.String {
	return text{summary, expected, func(value string) error {
		if err := check(value); err != nil {
			return fmt.Errorf("%w. It must be %s", err, expected)
		}
		return nil
	}}
}

func (v text) Description(context.Context) string { return "must be " + v.expected }

func (v text) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v text) ValidateString(_ context.Context, request validator.StringRequest, response *validator.StringResponse) {
	if request.ConfigValue.IsNull() || request.ConfigValue.IsUnknown() {
		return
	}
	if err := v.check(request.ConfigValue.ValueString()); err != nil {
		response.Diagnostics.AddAttributeError(request.Path, v.summary,
			fmt.Sprintf("%s: %v.", attributeName(request.Path), err))
	}
}

// attributeName is the path without the elements of sets, which would show the framework's form of a whole element.
func attributeName(p path.Path) string {
	return slices.DeleteFunc(p.Steps(), func(step path.PathStep) bool {
		_, ofSet := step.(path.PathStepElementKeyValue)
		return ofSet
	}).String()
}

// GUID accepts the IDs of Entra.
func GUID() validator.String {
	return mustBe("Not a GUID", "a GUID such as 00000003-0000-0000-c000-000000000000", func(value string) error {
		if !guid.Valid(value) {
			return fmt.Errorf("%q is not a GUID", value)
		}
		return nil
	})
}

// EmailAddress accepts what a mailbox is called by, and what the store can keep a connection under.
func EmailAddress() validator.String {
	return mustBe("Not an e-mail address", "an e-mail address such as migration@contoso.onmicrosoft.com",
		store.CheckMailbox)
}

// Thumbprint accepts a certificate's SHA-1 thumbprint as people copy it: with spaces, colons, in either case, with
// invisible marks.
func Thumbprint() validator.String {
	const expected = "a certificate's SHA-1 thumbprint, 40 hex digits (spaces, colons and case do not matter)"
	return mustBe("Not a certificate thumbprint", expected, func(value string) error {
		_, err := certificate.NormalizeThumbprint(value)
		return err
	})
}

// FileURL accepts the URL of a connection store: file:// and an absolute path.
func FileURL() validator.String {
	return Text("Not a connection store", "a file URL with an absolute path such as file:///srv/codetwo-store",
		store.CheckURL)
}

// HTTPSOrigin accepts https, a host and perhaps a port, and nothing after it.
func HTTPSOrigin() validator.String {
	const expected = "an https origin such as https://127.0.0.1:8443, without path and trailing slash"
	return mustBe("Not an https origin", expected, func(value string) error {
		if err := CheckHTTPSOrigin(value); err != nil {
			return fmt.Errorf("%q: %w", value, err)
		}
		return nil
	})
}

// CheckHTTPSOrigin says what keeps the text from being an https origin: a URL of scheme, host and port alone.
func CheckHTTPSOrigin(value string) error {
	origin, err := url.Parse(value)
	switch {
	case err != nil:
		return errors.New("that is not a URL")
	case origin.Scheme != "https":
		return errors.New("it does not begin with https://")
	case origin.Hostname() == "":
		return errors.New("it names no host")
	case origin.User != nil:
		return errors.New("it holds a user name")
	case value != "https://"+origin.Host:
		return errors.New("something follows the host")
	}
	return nil
}

// IsLoopback reports whether an origin is on this machine, by its name alone: a name that has to be looked up could
// lead anywhere tomorrow.
func IsLoopback(origin string) bool {
	location, err := url.Parse(origin)
	if err != nil {
		return false
	}
	host := location.Hostname()
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.Unmap().IsLoopback()
}
