package control

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/exchange"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// exchangePatch sets what is in it and leaves the rest alone.
type exchangePatch struct {
	EwsEnabled optional[*bool] `json:"ews_enabled"` // null: unset, so that every app gets in
	// replaces the list; an administrator's edit, also where it changes nothing
	EwsAllowedAppIDs     optional[[]string] `json:"ews_allowed_app_ids"`
	EwsDisabledMailboxes optional[[]string] `json:"ews_disabled_mailboxes"`
	// true plays Microsoft's second wave, once
	SecondWave optional[bool] `json:"second_wave"`
	// an access policy keeps apps out of them
	OutOfScopeMailboxes optional[[]string] `json:"out_of_scope_mailboxes"`
	PublicFolders       optional[bool]     `json:"public_folders"`
	// replaces the tree, see NewPublicFolders
	PublicFolderTree optional[[]exchange.PublicFolderState] `json:"public_folder_tree"`
	// how many bytes a mailbox holds at most, and all public folders; 0 is the sandbox's own limit
	MailboxQuota optional[int] `json:"mailbox_quota"`
	// how long to back off, such as 30s; 0s ends it
	ServerBusy      optional[string] `json:"server_busy"`
	AutodiscoverURL optional[string] `json:"autodiscover_url"` // "" is the truth

	Outage optional[tenant.Outage] `json:"outage"` // {} ends it
}

// showExchange answers an administrator's read of the settings, such as Get-OrganizationConfig with
// -RetrieveEwsOperationAccessPolicy: of the gate it shows what one of the replicas has, which may be old right after a
// write.
func (a *API) showExchange(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) {
	shown := t.Exchange
	if old, found := t.Settings.Get(a.world.ViewsOf(r, t).Reads, tenant.ExchangeSettings); found {
		shown.EwsEnabled, shown.EwsAllowedAppIDs, shown.EwsListEdited = old.EwsEnabled, old.EwsAllowedAppIDs,
			old.EwsListEdited
		shown.DisabledMailbox, shown.SecondWave = old.DisabledMailbox, old.SecondWave
	}
	writeControl(w, http.StatusOK, exchangeState(t, tenant.Present(), shown))
}

// patchExchange changes the settings, and answers with the present ones whatever the profile.
func (a *API) patchExchange(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) {
	var patch exchangePatch
	err := readControl(r, &patch)
	if err == nil {
		err = patch.check()
	}
	changed := t.Exchange
	if err == nil {
		changed, err = patch.applyTo(changed)
	}
	if err == nil && patch.SecondWave.set {
		changed, err = exchange.SecondWave(changed, t.EWSSeen, a.world.Now())
	}
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	t.Exchange = changed
	t.Settings.Put(a.world.Now(), tenant.ExchangeSettings, changed)
	exchange.KeepPublicItems(t)
	writeControl(w, http.StatusOK, exchangeState(t, tenant.Present(), changed))
}

func (p exchangePatch) check() error {
	for _, id := range p.EwsAllowedAppIDs.value {
		if uuid.Validate(id) != nil {
			return fmt.Errorf("ews_allowed_app_ids: %q is not an application ID (GUID)", id)
		}
	}
	if p.SecondWave.set && !p.SecondWave.value {
		return errors.New("second_wave: it can be played by true, and not taken back; set ews_enabled instead")
	}
	return nil
}

func (p exchangePatch) applyTo(o tenant.ExchangeOrganization) (tenant.ExchangeOrganization, error) {
	if p.ServerBusy.set {
		busy, err := time.ParseDuration(p.ServerBusy.value)
		if err != nil || busy < 0 {
			return o, fmt.Errorf("server_busy: %q is not a duration such as 30s, or 0s to end it", p.ServerBusy.value)
		}
		o.ServerBusy = busy
	}
	if p.PublicFolderTree.set {
		tree, err := exchange.NewPublicFolders(p.PublicFolderTree.value)
		if err != nil {
			return o, fmt.Errorf("public_folder_tree: %w", err)
		}
		o.PublicFolders = tree
	}
	if p.EwsEnabled.set {
		o.EwsEnabled = p.EwsEnabled.value
	}
	if p.EwsAllowedAppIDs.set {
		o.EwsAllowedAppIDs, o.EwsListEdited = p.EwsAllowedAppIDs.value, true
	}
	if p.EwsDisabledMailboxes.set {
		o.DisabledMailbox = addressSet(p.EwsDisabledMailboxes.value)
	}
	if p.OutOfScopeMailboxes.set {
		o.OutOfScope = addressSet(p.OutOfScopeMailboxes.value)
	}
	if p.PublicFolders.set {
		o.NoPublicFolders = !p.PublicFolders.value
	}
	if p.MailboxQuota.set {
		if quota := p.MailboxQuota.value; quota < 0 || quota > tenant.MaxMailStore {
			return o, fmt.Errorf("mailbox_quota: the sandbox keeps 0 to %d bytes of a mailbox", tenant.MaxMailStore)
		}
		o.MailboxQuota = p.MailboxQuota.value
	}
	if p.AutodiscoverURL.set {
		o.AutodiscoverURL = p.AutodiscoverURL.value
	}
	if p.Outage.set {
		if status := p.Outage.value.Status; status != 0 && (status < 200 || status > 599) {
			return o, fmt.Errorf("outage: %d is not the status of an answer; it has to be from 200 to 599", status)
		}
		o.Outage = p.Outage.value
	}
	return o, nil
}

func addressSet(addresses []string) map[string]bool {
	set := make(map[string]bool, len(addresses))
	for _, address := range addresses {
		set[strings.ToLower(address)] = true
	}
	return set
}

func exchangeState(t *tenant.Tenant, v tenant.View, o tenant.ExchangeOrganization) ExchangeState {
	seen := map[string]time.Time{}
	maps.Copy(seen, t.EWSSeen)
	return ExchangeState{
		EwsEnabled:           o.EwsEnabled,
		EwsAllowedAppIDs:     tenant.NonNil(o.EwsAllowedAppIDs),
		EwsListEdited:        o.EwsListEdited,
		EwsAppsSeen:          seen,
		SecondWave:           o.SecondWave,
		EwsDisabledMailboxes: slices.Sorted(maps.Keys(o.DisabledMailbox)),
		OutOfScopeMailboxes:  slices.Sorted(maps.Keys(o.OutOfScope)),
		PublicFolders:        !o.NoPublicFolders,
		PublicFolderTree:     exchange.PublicFolderStates(t, v),
		MailboxQuota:         o.MailboxQuota,
		ServerBusy:           o.ServerBusy.String(),
		AutodiscoverURL:      o.AutodiscoverURL,
		Outage:               o.Outage != tenant.Outage{},
	}
}
