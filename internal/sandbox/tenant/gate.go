package tenant

import "slices"

// The states of an organization's EWS gate, as flags and files name them.
const (
	gateUnset  = "unset"  // EwsEnabled is null: every app gets in
	gateFalse  = "false"  // no app gets in
	gateListed = "listed" // True: the listed apps get in
	gateEmpty  = "empty"  // True, and nothing is listed: no app gets in
	gateMixed  = "mixed"  // an option only: the first tenants have one of each, the rest gateUnset
)

var gateOptions = []string{gateUnset, gateFalse, gateListed, gateEmpty, gateMixed}

// gateOf is the gate that the i-th tenant begins with, counted from 0, where the option is one of gateOptions.
func gateOf(option string, i int) string {
	if option != gateMixed {
		return option
	}
	if i < slices.Index(gateOptions, gateMixed) {
		return gateOptions[i]
	}
	return gateUnset
}

// Gate names the state of the organization's gate.
func (o ExchangeOrganization) Gate() string {
	switch {
	case o.EwsEnabled == nil:
		return gateUnset
	case !*o.EwsEnabled:
		return gateFalse
	case len(o.EwsAllowedAppIDs) > 0:
		return gateListed
	default:
		return gateEmpty
	}
}

// EWSRole is the application permission to EWS, on Exchange Online.
const EWSRole = "full_access_as_app"

// mailBackupAppID is an app of another company's, which holds full_access_as_app in the tenants whose list names it.
const (
	mailBackupAppID  = "d916df37-ecb3-446b-8805-b2369b7706dc"
	mailBackupTenant = "c026901a-004a-4d37-8572-e918dea220c8"
	mailBackupName   = "Skyline Mail Backup"
)

// seedExchange makes what an organization's Exchange begins with.
func (t *Tenant) seedExchange(gate string) {
	t.Exchange = ExchangeOrganization{PublicFolders: seededPublicFolders}
	switch gate {
	case gateFalse:
		t.Exchange.EwsEnabled = new(false)
	case gateListed:
		t.Exchange.EwsEnabled, t.Exchange.EwsAllowedAppIDs, t.Exchange.EwsListEdited = new(true), []string{mailBackupAppID},
			true
		backup := t.seedServicePrincipal(mailBackupAppID, mailBackupName, mailBackupTenant, nil)
		t.seedGrant(backup, t.seededAPI(ExchangeAppID), EWSRole)
	case gateEmpty:
		t.Exchange.EwsEnabled = new(true)
	}
	t.Settings.Put(Created, ExchangeSettings, t.Exchange)
}
