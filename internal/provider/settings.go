package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

// getenv reads an environment variable; an empty one counts as not set.
type getenv func(name string) string

// fallback returns the attribute's value, else the variable's, with the name of what it came from.
func fallback(value types.String, attributeName string, env getenv, variable string) setting {
	if !value.IsNull() && !value.IsUnknown() {
		return setting{value.ValueString(), attributeName, true}
	}
	return setting{env(variable), variable, false}
}

// setting is a value with where it came from.
type setting struct {
	value      string
	name       string // of the attribute or the variable
	configured bool   // it came from the configuration
}

func (s setting) set() bool { return s.value != "" }

// blame adds an error at the attribute that the setting came from, if it came from one.
func (s setting) blame(diags *diag.Diagnostics, summary, detail string) {
	if s.configured {
		diags.AddAttributeError(attributePath(s.name), summary, detail)
		return
	}
	diags.AddError(summary, detail)
}

// report adds an error that says which attribute or variable it is about.
func (s setting) report(diags *diag.Diagnostics, summary, detail string) {
	if !s.configured {
		detail = fmt.Sprintf("Environment variable %s: %s", s.name, detail)
	}
	s.blame(diags, summary, detail)
}

func attributePath(name string) path.Path {
	first, rest, nested := strings.Cut(name, ".")
	at := path.Root(first)
	if nested {
		at = at.AtName(rest)
	}
	return at
}

// checkEnvironment accepts the only cloud that the migration program connects to.
func checkEnvironment(m Model, env getenv, diags *diag.Diagnostics) {
	s := fallback(m.Environment, "environment", env, "ARM_ENVIRONMENT")
	const only = "CodeTwo Office 365 Migration connects to the worldwide cloud only. Remove the setting, or " +
		"use \"global\"."
	switch cloud := strings.ToLower(s.value); cloud {
	case "", "global", "public":
	case "germany", "german":
		s.report(diags, "Retired cloud", "Microsoft Cloud Deutschland was retired on 2021-10-29. Its tenants were moved "+
			"to the worldwide cloud: use \"global\".")
	case "usgovernment", "usgovernmentl4", "usgovernmentl5", "dod", "china":
		s.report(diags, "Unsupported cloud", fmt.Sprintf("The cloud %q is a national one, and %s", s.value, only))
	default:
		s.report(diags, "Unknown cloud", fmt.Sprintf("There is no cloud %q. %s", s.value, only))
	}
}

// allowCustomEndpoints lets requests, and with them secrets, leave for hosts other than Microsoft's. It is read from
// the environment alone: a module from elsewhere cannot set it.
const allowCustomEndpoints = "CODETWO_ALLOW_CUSTOM_ENDPOINTS"

// resolveEndpoints returns the origins to speak to: all three from the configuration, else all three from the
// environment, else the worldwide cloud's.
func resolveEndpoints(m Model, env getenv, diags *diag.Diagnostics) auth.Endpoints {
	names := []string{"login", "graph", "exchange"}
	found := map[string]setting{}
	var missing []string
	for _, name := range names {
		s := variable(env, "CODETWO_"+strings.ToUpper(name)+"_ENDPOINT")
		if !m.Endpoints.IsNull() {
			s = setting{member(m.Endpoints, name).ValueString(), "endpoints." + name, true}
		}
		if s.set() {
			found[name] = s
		} else {
			missing = append(missing, s.name)
		}
	}
	if len(found) == 0 && m.Endpoints.IsNull() {
		return auth.GlobalEndpoints()
	}
	if len(missing) > 0 {
		diags.AddError("Incomplete endpoints", fmt.Sprintf(
			"Some endpoints are set, and these are not: %s. Set all three or none: otherwise a token of one cloud would be "+
				"sent to another.", strings.Join(missing, ", ")))
		return auth.GlobalEndpoints()
	}
	e := auth.Endpoints{Login: found["login"].value, Graph: found["graph"].value, Exchange: found["exchange"].value}
	global := auth.GlobalEndpoints()
	if strings.EqualFold(e.Login, global.Login) && strings.EqualFold(e.Graph, global.Graph) &&
		strings.EqualFold(e.Exchange, global.Exchange) {
		return global
	}
	var microsoft, others []string
	for _, name := range names {
		s := found[name]
		if slices.ContainsFunc([]string{global.Login, global.Graph, global.Exchange},
			func(origin string) bool { return strings.EqualFold(s.value, origin) }) {
			microsoft = append(microsoft, fmt.Sprintf("%s is Microsoft's (%s)", s.name, s.value))
			continue
		}
		others = append(others, fmt.Sprintf("%s is not (%s)", s.name, s.value))
		if err := tfvalidate.CheckHTTPSOrigin(s.value); err != nil {
			s.report(diags, "Not an https origin", fmt.Sprintf("%q is not an https origin such as https://127.0.0.1:8443, "+
				"without path and trailing slash: %v.", s.value, err))
		} else if env(allowCustomEndpoints) != "1" && !tfvalidate.IsLoopback(s.value) {
			s.report(diags, "Endpoint on another machine", fmt.Sprintf(
				"%q is not on this machine (127.0.0.1, ::1 or localhost). Requests to it carry access tokens and client "+
					"secrets. If it is yours, allow it in the environment, outside of any configuration:\n\n  "+
					"export %s=1\n  PowerShell: $env:%s = '1'", s.value, allowCustomEndpoints, allowCustomEndpoints))
		}
	}
	if len(microsoft) > 0 {
		diags.AddError("Mixed endpoints", fmt.Sprintf(
			"%s. A token of one cloud would be sent to another. To use Microsoft's own (sign-in %s, Microsoft Graph %s, "+
				"Exchange Online %s), remove all three; or set all three to the other cloud.",
			strings.Join(slices.Concat(microsoft, others), ", "), global.Login, global.Graph, global.Exchange))
		return global
	}
	diags.AddWarning("Requests do not go to Microsoft", fmt.Sprintf(
		"Other endpoints are configured:\n- sign-in: %s\n- Microsoft Graph: %s\n- "+
			"Exchange Online: %s\nTo use Microsoft's, remove endpoints and the CODETWO_*_ENDPOINT variables.",
		e.Login, e.Graph, e.Exchange))
	return e
}

// storeSettings is where the connection store is; an empty URL means that none is configured.
type storeSettings struct {
	url, passphrase string
	unknown         bool
}

func resolveStore(m Model, env getenv, diags *diag.Diagnostics) storeSettings {
	url, phrase := member(m.ConnectionStore, "url"), member(m.ConnectionStore, "passphrase")
	if url.IsUnknown() || phrase.IsUnknown() {
		return storeSettings{unknown: true}
	}
	at := fallback(url, "connection_store.url", env, "CODETWO_STORE_URL")
	if at.set() {
		if err := store.CheckURL(at.value); err != nil {
			at.report(diags, "Not a connection store", err.Error()+".")
		}
	}
	secret := fallback(phrase, "connection_store.passphrase", env, "CODETWO_STORE_PASSPHRASE")
	if secret.set() {
		if err := sealing.CheckPassphrase(secret.value); err != nil {
			secret.report(diags, "Unusable passphrase", err.Error()+".")
		}
	}
	return storeSettings{url: at.value, passphrase: secret.value}
}

// noStore is the error where a store is needed and none is configured.
const noStore = `No connection store is configured. ` +
	`Choose a folder that outlives this run, in the provider's configuration:

  connection_store = {
    url = "file://${abspath(path.root)}/codetwo-store"
  }

or in the environment (CODETWO_STORE_URL), and give its passphrase (12 characters or more) in the environment:

  export CODETWO_STORE_PASSPHRASE='…'
  PowerShell: $env:CODETWO_STORE_PASSPHRASE = '…'`
