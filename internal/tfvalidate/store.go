package tfvalidate

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// storeKey is the private state's key of what a resource remembers of the store.
const storeKey = "store"

// Remembered is what a resource's private state knows of its record in the connection store, so that another store, and
// an older copy of the record, are recognized.
type Remembered struct {
	Identity   string `json:"identity,omitempty"`   // the store's public key, as age writes it
	Generation int64  `json:"generation,omitempty"` // of the record
}

// PrivateState is what the framework's requests and responses offer of the private state.
type PrivateState interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

// Recall reads what a resource remembers; nothing, where it was last written by a version that remembered nothing.
func Recall(ctx context.Context, private PrivateState, diags *diag.Diagnostics) Remembered {
	var remembered Remembered
	content, problems := private.GetKey(ctx, storeKey)
	diags.Append(problems...)
	if len(content) > 0 {
		if err := json.Unmarshal(content, &remembered); err != nil {
			diags.AddError("Unreadable private state", fmt.Sprintf("What the state knows of the connection store cannot be "+
				"read: %v. Restore the state from a backup.", err))
		}
	}
	return remembered
}

// WritablePrivateState is what the framework's responses offer of the private state.
type WritablePrivateState interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// Remember keeps in the private state which store it is, and the generation of the resource's record.
func Remember(
	ctx context.Context, private WritablePrivateState, s *store.Store, generation int64, diags *diag.Diagnostics,
) {
	if identity := s.Identity(); identity != "" {
		content, _ := json.Marshal(Remembered{Identity: identity, Generation: generation}) // which always can
		diags.Append(private.SetKey(ctx, storeKey, content)...)
	}
}

// WarnStoreLocked says, once in a process, that the store was not looked at, for want of a passphrase that fits.
func WarnStoreLocked(process interface{ FirstTime(what string) bool }, err error, diags *diag.Diagnostics) {
	if !process.FirstTime("store locked") {
		return
	}
	diags.AddWarning("The connection store was not looked at", fmt.Sprintf(
		"Nothing in the store can be proved, so resources are shown as they were last seen: %v.", err))
}
