package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// exchangePatch sets what is in it and leaves the rest alone.
type exchangePatch struct {
	EwsEnabled           optional[*bool]               `json:"ews_enabled"`         // null: unset, which counts as false
	EwsAllowedAppIDs     optional[[]string]            `json:"ews_allowed_app_ids"` // replaces the list
	EwsDisabledMailboxes optional[[]string]            `json:"ews_disabled_mailboxes"`
	OutOfScopeMailboxes  optional[[]string]            `json:"out_of_scope_mailboxes"` // an access policy keeps apps out of them
	PublicFolders        optional[bool]                `json:"public_folders"`
	PublicFolderTree     optional[[]PublicFolderState] `json:"public_folder_tree"` // replaces the tree, see newPublicFolders
	ServerBusy           optional[string]              `json:"server_busy"`        // how long to back off, such as 30s; 0s ends it
	AutodiscoverURL      optional[string]              `json:"autodiscover_url"`   // "" is the truth

	Weather optional[exchangeWeather] `json:"weather"` // {} is fair
}

func (s *Server) patchExchange(t *Tenant, w http.ResponseWriter, r *http.Request) {
	var patch exchangePatch
	if err := readControl(r, &patch); err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	changed := t.exchange
	for _, id := range patch.EwsAllowedAppIDs.value {
		if uuid.Validate(id) != nil {
			refuseControl(w, http.StatusBadRequest, fmt.Errorf("ews_allowed_app_ids: %q is no application ID (GUID)", id))
			return
		}
	}
	if patch.ServerBusy.set {
		busy, err := time.ParseDuration(patch.ServerBusy.value)
		if err != nil || busy < 0 {
			refuseControl(w, http.StatusBadRequest, fmt.Errorf("server_busy: %q is no duration such as 30s, or 0s to end it", patch.ServerBusy.value))
			return
		}
		changed.ServerBusy = busy
	}
	if patch.PublicFolderTree.set {
		tree, err := newPublicFolders(patch.PublicFolderTree.value)
		if err != nil {
			refuseControl(w, http.StatusBadRequest, fmt.Errorf("public_folder_tree: %w", err))
			return
		}
		changed.PublicFolders = tree
	}
	if patch.EwsEnabled.set {
		changed.EwsEnabled = patch.EwsEnabled.value
	}
	if patch.EwsAllowedAppIDs.set {
		changed.EwsAllowedAppIDs = patch.EwsAllowedAppIDs.value
	}
	if patch.EwsDisabledMailboxes.set {
		changed.DisabledMailbox = addressSet(patch.EwsDisabledMailboxes.value)
	}
	if patch.OutOfScopeMailboxes.set {
		changed.OutOfScope = addressSet(patch.OutOfScopeMailboxes.value)
	}
	if patch.PublicFolders.set {
		changed.NoPublicFolders = !patch.PublicFolders.value
	}
	if patch.AutodiscoverURL.set {
		changed.AutodiscoverURL = patch.AutodiscoverURL.value
	}
	if patch.Weather.set {
		changed.Weather = patch.Weather.value
	}
	t.exchange = changed
	t.settings.put(s.now(), exchangeSettings, changed)
	writeControl(w, http.StatusOK, t.exchangeState(t.present(s)))
}

func addressSet(addresses []string) map[string]bool {
	set := make(map[string]bool, len(addresses))
	for _, address := range addresses {
		set[strings.ToLower(address)] = true
	}
	return set
}

func (t *Tenant) exchangeState(v view) ExchangeState {
	o := t.exchange
	return ExchangeState{
		EwsEnabled:           o.EwsEnabled,
		EwsAllowedAppIDs:     list(o.EwsAllowedAppIDs),
		EwsDisabledMailboxes: slices.Sorted(maps.Keys(o.DisabledMailbox)),
		OutOfScopeMailboxes:  slices.Sorted(maps.Keys(o.OutOfScope)),
		PublicFolders:        !o.NoPublicFolders,
		PublicFolderTree:     t.publicFolderStates(v),
		ServerBusy:           o.ServerBusy.String(),
		AutodiscoverURL:      o.AutodiscoverURL,
		Weather:              map[bool]string{true: "fair", false: "foul"}[o.Weather == exchangeWeather{}],
	}
}
