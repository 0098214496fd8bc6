package tfvalidate

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func validate(t *testing.T, v validator.String, value types.String) string {
	t.Helper()
	response := validator.StringResponse{}
	v.ValidateString(t.Context(), validator.StringRequest{Path: path.Root("the_attribute"), ConfigValue: value}, &response)
	var texts []string
	for _, d := range response.Diagnostics {
		texts = append(texts, d.Summary()+": "+d.Detail())
	}
	return strings.Join(texts, "\n")
}

func TestValuesAreAcceptedAndRefusedWithWhatIsExpected(t *testing.T) {
	for name, c := range map[string]struct {
		validator validator.String
		good, bad []string
	}{
		"GUID": {GUID(),
			[]string{"00000003-0000-0000-c000-000000000000", "ABCDEF12-3456-7890-ABCD-EF1234567890"},
			[]string{"", "contoso.onmicrosoft.com", "{00000003-0000-0000-c000-000000000000}",
				"00000003-0000-0000-c000-00000000000", "00000003-0000-0000-c000-000000000000\n"}},
		"e-mail address": {EmailAddress(),
			[]string{"migration@contoso.onmicrosoft.com", "o'neil+x@sub.example.org"},
			[]string{"", "migration", "migration@contoso", "Migration <m@contoso.com>", "a@b@c.com", "a b@c.com",
				"a@contoso.com ", "a@.", strings.Repeat("a", 250) + "@b.com"}},
		"thumbprint": {Thumbprint(),
			[]string{"52ED9B5038A47B9E2E2190715CC238359D4F8F73", "52 ed 9b 50 38 a4 7b 9e 2e 21 90 71 5c c2 38 35 9d 4f 8f 73",
				"\u200e52:ED:9B:50:38:A4:7B:9E:2E:21:90:71:5C:C2:38:35:9D:4F:8F:73"},
			[]string{"", "52ED", "52ED9B5038A47B9E2E2190715CC238359D4F8F7Z"}},
		"file URL": {FileURL(),
			[]string{"file:///srv/codetwo", "file:///srv/with%20space", "file://localhost/srv"},
			[]string{"", "/srv/codetwo", "file://srv", "file:srv", "file://", "s3://bucket", "file:///srv?x=1",
				"file:///srv#x"}},
		"https origin": {HTTPSOrigin(),
			[]string{"https://127.0.0.1:8443", "https://graph.microsoft.com", "https://[::1]:8443"},
			[]string{"", "http://127.0.0.1:8443", "https://127.0.0.1:8443/", "https://host/path", "https://",
				"https://user@host", "https://host?x", "graph.microsoft.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, value := range c.good {
				if got := validate(t, c.validator, types.StringValue(value)); got != "" {
					t.Errorf("%q was refused: %s", value, got)
				}
			}
			expected := strings.TrimPrefix(c.validator.Description(t.Context()), "must be ")
			if name == "file URL" {
				expected = "file:///" // an example is in every one of the store's own texts
			}
			for _, value := range c.bad {
				got := validate(t, c.validator, types.StringValue(value))
				if got == "" {
					t.Errorf("%q was accepted", value)
				} else if !strings.Contains(got, "the_attribute") || !strings.Contains(got, expected) {
					t.Errorf("the refusal of %q names neither the attribute nor what is expected: %s", value, got)
				}
			}
		})
	}
}

func TestNullAndUnknownValuesWait(t *testing.T) {
	for _, v := range []validator.String{GUID(), EmailAddress(), Thumbprint(), FileURL(), HTTPSOrigin()} {
		for _, value := range []types.String{types.StringNull(), types.StringUnknown()} {
			if got := validate(t, v, value); got != "" {
				t.Errorf("%s: %s was refused: %s", v.Description(t.Context()), value, got)
			}
		}
	}
}

func TestLoopbackIsDecidedByTheNameAlone(t *testing.T) {
	for origin, want := range map[string]bool{
		"https://127.0.0.1:8443":           true,
		"https://127.9.9.9":                true,
		"https://localhost:1":              true,
		"https://[::1]:8443":               true,
		"https://graph.microsoft.com":      false,
		"https://127.0.0.1.example.org":    false,
		"https://localhost.example.org":    false,
		"https://10.0.0.1":                 false,
		"https://2130706433":               false, // 127.0.0.1 to some resolvers, a name to others
		"https://0.0.0.0":                  false,
		"https://[::ffff:127.0.0.1]:8443":  true,
		"https://user@127.0.0.1.attack.er": false,
	} {
		if got := IsLoopback(origin); got != want {
			t.Errorf("IsLoopback(%q) = %v", origin, got)
		}
	}
}

func TestAnElementOfASetIsNotShownInTheNameOfItsAttribute(t *testing.T) {
	element := types.ObjectValueMust(map[string]attr.Type{"api": types.StringType},
		map[string]attr.Value{"api": types.StringValue("Exchange")})
	request := validator.StringRequest{ConfigValue: types.StringValue("Exchange"),
		Path: path.Root("permissions").AtSetValue(element).AtName("api").AtListIndex(2)}
	var response validator.StringResponse
	Text("Wrong", "right", func(string) error { return errors.New("it is wrong") }).
		ValidateString(t.Context(), request, &response)
	if got := response.Diagnostics[0].Detail(); got != "permissions.api[2]: it is wrong." {
		t.Errorf("the diagnostic says %q", got)
	}
}
