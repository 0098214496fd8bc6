package appregistration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// names serializes, in this process, whoever looks for an application of one name in one tenant and then gives that name
// to one, and remembers who did.
var names nameRegister

// nameRegister holds one lock per name, and the application that got the name last.
type nameRegister struct {
	guard sync.Mutex
	locks map[string]*semaphore.Weighted // a mutex would ignore the deadline of who waits
	given map[string]*entra.Application
}

// removed are the object IDs of what this process has deleted, and of what it has purged. A replacement looks for its own
// name right after it was freed, and lists and replicas go on showing what is gone.
var removed = struct{ deleted, purged sync.Map }{}

// withoutRemoved drops from what was found what this process knows to be gone.
func withoutRemoved(found *entra.SearchResult) {
	in := func(ids *sync.Map) func(entra.Application) bool {
		return func(application entra.Application) bool {
			_, known := ids.Load(application.ObjectID)
			return known
		}
	}
	if found.ByUniqueName != nil && in(&removed.deleted)(*found.ByUniqueName) {
		found.ByUniqueName = nil
	}
	found.ByDisplayName = slices.DeleteFunc(found.ByDisplayName, in(&removed.deleted))
	found.Deleted = slices.DeleteFunc(found.Deleted, in(&removed.purged))
}

// lockName takes the job's display name, and returns how to give it back.
func (j *job) lockName(ctx context.Context) (unlock func(), err error) {
	lock := names.lock(j.nameKey())
	if err := lock.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("waiting for another application in tenant %s that is being given the display name %q: %w", j.model.TenantID.ValueString(), j.model.DisplayName.ValueString(), err)
	}
	return func() { lock.Release(1) }, nil
}

// lock returns the name's lock.
func (r *nameRegister) lock(name string) *semaphore.Weighted {
	r.guard.Lock()
	defer r.guard.Unlock()
	if r.locks == nil {
		r.locks, r.given = map[string]*semaphore.Weighted{}, map[string]*entra.Application{}
	}
	lock, ok := r.locks[name]
	if !ok {
		lock = semaphore.NewWeighted(1)
		r.locks[name] = lock
	}
	return lock
}

// note remembers who has the name. The caller holds its lock.
func (r *nameRegister) note(name string, application *entra.Application) {
	r.guard.Lock()
	defer r.guard.Unlock()
	r.given[name] = &entra.Application{ObjectID: application.ObjectID, ClientID: application.ClientID}
}

// noted returns who got the name last, or nil. The caller holds its lock.
func (r *nameRegister) noted(name string) *entra.Application {
	r.guard.Lock()
	defer r.guard.Unlock()
	return r.given[name]
}

// refuseNamesake refuses to rename the application to what another one is called.
func (j *job) refuseNamesake(ctx context.Context, application *entra.Application) error {
	if j.model.AllowDuplicateName.ValueBool() {
		return nil
	}
	found, err := j.directory.Search(ctx, entra.SearchQuery{DisplayName: j.model.DisplayName.ValueString()})
	if err != nil {
		return err
	}
	if err := j.refuseDuplicate(ctx, found.ByDisplayName, application.ObjectID); err != nil {
		return err
	}
	names.note(j.nameKey(), application)
	return nil
}

// refuseDuplicate refuses the display name if another application has it: one of those listed, or one that this process
// has just given it to, since lists lag behind everything else.
func (j *job) refuseDuplicate(ctx context.Context, listed []entra.Application, own string) error {
	if j.model.AllowDuplicateName.ValueBool() {
		return nil
	}
	at := slices.IndexFunc(listed, func(other entra.Application) bool { return other.ObjectID != own })
	if at >= 0 {
		return j.refuse(&listed[at], "display_name", fmt.Sprintf("display name %q", listed[at].DisplayName))
	}
	noted := names.noted(j.nameKey())
	if noted == nil || noted.ObjectID == own {
		return nil
	}
	seen, err := j.directory.Registration(ctx, entra.RegistrationRef{ObjectID: noted.ObjectID, ClientID: noted.ClientID})
	if err != nil || seen.Application == nil || !strings.EqualFold(seen.Application.DisplayName, j.model.DisplayName.ValueString()) {
		return err
	}
	return j.refuse(seen.Application, "display_name", fmt.Sprintf("display name %q", seen.Application.DisplayName))
}

// nameKey tells the display name in its tenant from every other.
func (j *job) nameKey() string {
	return strings.ToLower(j.model.TenantID.ValueString() + "/" + j.model.DisplayName.ValueString())
}
