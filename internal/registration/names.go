package registration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// NameLocks serializes operations that look for an application of one display name in a tenant and then give that name
// to one. It remembers who has a name and what was deleted, since lists and replicas lag behind. The zero NameLocks is
// ready for use, and safe for parallel use.
type NameLocks struct {
	guard           sync.Mutex
	names           map[string]*nameLock // by tenant and display name, in lower case
	deleted, purged sync.Map             // object IDs of applications
}

// nameLock is a display name in a tenant.
type nameLock struct {
	lock   *semaphore.Weighted // a mutex would ignore the deadline of who waits
	holder *entra.RegistrationRef
}

// lock takes the display name, and returns how to give it back. The name's fields are the holder's.
func (n *NameLocks) lock(ctx context.Context, tenantID, displayName string) (held *nameLock, unlock func(), err error) {
	key := strings.ToLower(tenantID + "/" + displayName)
	n.guard.Lock()
	if n.names == nil {
		n.names = map[string]*nameLock{}
	}
	held, ok := n.names[key]
	if !ok {
		held = &nameLock{lock: semaphore.NewWeighted(1)}
		n.names[key] = held
	}
	n.guard.Unlock()
	if err := held.lock.Acquire(ctx, 1); err != nil {
		return nil, nil, fmt.Errorf(
			"waiting for another application in tenant %s that is being given the display name %q: %w",
			tenantID, displayName, err)
	}
	return held, func() { held.lock.Release(1) }, nil
}

// setHolder remembers who has the name.
func (n *nameLock) setHolder(application *entra.Application) {
	n.holder = &entra.RegistrationRef{ObjectID: application.ObjectID, ClientID: application.ClientID}
}

// withoutRemoved drops from what was found what was deleted or purged here. A replacement looks for its own name right
// after it was freed.
func (n *NameLocks) withoutRemoved(found *entra.SearchResult) {
	in := func(ids *sync.Map) func(entra.Application) bool {
		return func(application entra.Application) bool {
			_, known := ids.Load(application.ObjectID)
			return known
		}
	}
	if found.ByUniqueName != nil && in(&n.deleted)(*found.ByUniqueName) {
		found.ByUniqueName = nil
	}
	found.ByDisplayName = slices.DeleteFunc(found.ByDisplayName, in(&n.deleted))
	found.Deleted = slices.DeleteFunc(found.Deleted, in(&n.purged))
}

// refuseDuplicate refuses the display name if another application has it: one of those listed, or the one that was
// given it last, since lists lag behind everything else.
func (o *operation) refuseDuplicate(ctx context.Context, held *nameLock, listed []entra.Application, own string) error {
	if o.spec.AllowDuplicateName {
		return nil
	}
	at := slices.IndexFunc(listed, func(other entra.Application) bool { return other.ObjectID != own })
	if at >= 0 {
		return o.refuse(&listed[at], "display_name", fmt.Sprintf("display name %q", listed[at].DisplayName), untouched)
	}
	if held.holder == nil || held.holder.ObjectID == own {
		return nil
	}
	seen, err := o.Directory.Registration(ctx, *held.holder)
	if err != nil || seen.Application == nil || !strings.EqualFold(seen.Application.DisplayName, o.spec.DisplayName) {
		return err
	}
	return o.refuse(seen.Application, "display_name", fmt.Sprintf("display name %q", seen.Application.DisplayName),
		untouched)
}
