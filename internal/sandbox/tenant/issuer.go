package tenant

import (
	"crypto/rsa"
	"sync"
)

// Issuers are the other identity providers whose tokens federated credentials trust, with the keys that they sign with.
// The sandbox asks none of them: it is told.
type Issuers struct {
	mu   sync.Mutex
	keys map[string]map[string]*rsa.PublicKey // by issuer and key ID
}

// Put replaces the keys of an issuer, by their IDs.
func (i *Issuers) Put(issuer string, keys map[string]*rsa.PublicKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.keys == nil {
		i.keys = map[string]map[string]*rsa.PublicKey{}
	}
	i.keys[issuer] = keys
}

// Keys are the keys of an issuer by their IDs, and whether it is known.
func (i *Issuers) Keys(issuer string) (map[string]*rsa.PublicKey, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	keys, known := i.keys[issuer]
	return keys, known
}
