package graph

import (
	"reflect"
	"slices"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// instanceLock is what an application locks in its instances, the service principals in other tenants (Microsoft Graph:
// servicePrincipalLockConfiguration resource type).
type instanceLock struct {
	verify, sign    bool // credentials of either usage
	tokenEncryption bool
}

var (
	unlocked = instanceLock{}
	locked   = instanceLock{true, true, true}
)

// lockOf reads an application's lock.
func lockOf(a tenant.Application) instanceLock {
	fields := storedObject(a, "servicePrincipalLockConfiguration")
	on := func(name string) bool { return fields[name] == true }
	if !on("isEnabled") {
		return unlocked
	}
	if on("allProperties") {
		return locked
	}
	return instanceLock{on("credentialsWithUsageVerify"), on("credentialsWithUsageSign"), on("tokenEncryptionKeyId")}
}

// findToChange finds the service principal that the path names, for a caller who may change it, with what is locked
// there. The lock of an application of this tenant does not count here (documented for other tenants alone; users
// report that Entra also heeds it at home). Microsoft's own applications lock everything. One whose tenant is
// not simulated locks nothing, because the lock was not the default when it was created. Both are unconfirmed.
func (c *call) findToChange() (tenant.ServicePrincipal, instanceLock, *apiError) {
	found, failure := c.findServicePrincipal(tenant.Present())
	if failure == nil {
		failure = c.mine(found.Owners)
	}
	if failure != nil || found.AppOwnerTenantID == c.tenant.ID {
		return found, unlocked, failure
	}
	if found.AppOwnerTenantID == tenant.MicrosoftTenant {
		return found, locked, nil
	}
	lock := unlocked
	c.away(func() {
		if home, known := c.api.world.Find(found.AppOwnerTenantID); known {
			home.Lock()
			defer home.Unlock()
			if a, exists := home.ApplicationByAppID(tenant.Present(), found.AppID); exists {
				lock = lockOf(a)
			}
		}
	})
	// Meanwhile another request may have changed it.
	found, failure = c.findServicePrincipal(tenant.Present())
	if failure == nil {
		failure = c.mine(found.Owners)
	}
	return found, lock, failure
}

// lockOfNew is what is locked in a service principal that is being made.
func lockOfNew(p tenant.ServicePrincipal) instanceLock {
	switch {
	case p.AppOwnerTenantID == tenant.MicrosoftTenant:
		return locked
	case p.Instance != nil:
		return lockOf(*p.Instance)
	default:
		return unlocked
	}
}

// check refuses a change of what is locked. Code and text were seen; that a PATCH of tokenEncryptionKeyId is answered
// alike is unconfirmed.
func (l instanceLock) check(before, after tenant.ServicePrincipal) *apiError {
	refused := func(property string) *apiError {
		return refuse("CannotUpdateLockedServicePrincipalProperty", "Property %s is invalid.", property)
	}
	keys := changed(before.Keys, after.Keys, func(k tenant.KeyCredential) string { return k.KeyID })
	passwords := changed(before.Passwords, after.Passwords, func(p tenant.PasswordCredential) string { return p.KeyID })
	signs := signingIDs(slices.Concat(before.Keys, after.Keys))
	ofSigning := func(id, customID string) bool { return signs[id] || customID != "" && signs[customID] }
	for _, k := range keys {
		if s := ofSigning(k.KeyID, k.CustomID); s && l.sign || !s && l.verify {
			return refused("keyCredentials")
		}
	}
	for _, p := range passwords {
		if s := ofSigning(p.KeyID, p.CustomID); s && l.sign || !s && l.verify {
			return refused("passwordCredentials")
		}
	}
	const encryption = "tokenEncryptionKeyId"
	if l.tokenEncryption && !reflect.DeepEqual(before.ExtraProperties[encryption], after.ExtraProperties[encryption]) {
		return refused(encryption)
	}
	return nil
}

// signingIDs are what tells that a credential belongs to a private key that signs tokens: the IDs of such keys. The
// public key and the password have the same customKeyIdentifier (Microsoft Graph:
// serviceprincipal-addtokensigningcertificate).
func signingIDs(keys []tenant.KeyCredential) map[string]bool {
	ids := map[string]bool{}
	for _, k := range keys {
		if k.Usage == signing {
			ids[k.KeyID] = true
			if k.CustomID != "" {
				ids[k.CustomID] = true
			}
		}
	}
	return ids
}

// changed are the entries that are in one of two lists only.
func changed[T any](before, after []T, id func(T) string) (of []T) {
	for _, pair := range [][2][]T{{before, after}, {after, before}} {
		for _, one := range pair[0] {
			if !slices.ContainsFunc(pair[1], func(other T) bool { return id(other) == id(one) }) {
				of = append(of, one)
			}
		}
	}
	return of
}
