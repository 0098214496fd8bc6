package main

import (
	"context"
	"crypto/rand"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// costs are the CPU time of the cryptography that nobody can save.
type costs struct {
	Key time.Duration `json:"key_cpu_ns"` // of one key with its certificate, while keys are made on all CPUs
	// of opening the store with its passphrase, once in a process that reads a secret
	Unlock time.Duration `json:"unlock_cpu_ns"`
}

// work is how much of that an operation needs, on how many resources and data sources of a tenant it works, and what
// the CLI has to do with them.
type work struct {
	keys, unlocks, objects int
	kind                   string
}

// measureCosts measures them. How many candidates a prime takes is luck, so a key is the mean of many. CPUs that share
// a core are slower when all are busy, as they are with many tenants.
func measureCosts(ctx context.Context, storeURL string) (costs, error) {
	const keys = 40 // on each CPU
	var made atomic.Int64
	var busy errgroup.Group
	for range runtime.NumCPU() {
		busy.Go(func() error {
			took, err := threadCPU(func() error {
				for range keys {
					if _, err := newPair(); err != nil {
						return err
					}
				}
				return nil
			})
			made.Add(int64(took))
			return err
		})
	}
	if err := busy.Wait(); err != nil {
		return costs{}, err
	}
	if err := makeStore(ctx, storeURL); err != nil {
		return costs{}, err
	}
	const unlocks = 3
	opened, err := threadCPU(func() error {
		for range unlocks {
			s, err := store.Open(storeURL, passphrase)
			if err == nil {
				err = s.Unlock(ctx)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return costs{time.Duration(made.Load()) / time.Duration(keys*runtime.NumCPU()), opened / unlocks}, err
}

func newPair() (*certificate.Pair, error) {
	now := time.Now()
	return certificate.Generate(rand.Reader,
		certificate.Template{CommonName: "CodeTwo", KeySize: 2048, NotBefore: now, NotAfter: now.AddDate(5, 0, 0)})
}

// makeStore makes a store whose passphrase has been set: with its first secret, which is removed again.
func makeStore(ctx context.Context, url string) error {
	const tenant = "00000000-0000-0000-0000-000000000000"
	s, err := store.Open(url, passphrase)
	if err != nil {
		return err
	}
	pair, err := newPair()
	if err != nil {
		return err
	}
	if err := s.SaveCertificate(ctx, tenant, pair, certificate.AES256, time.Now()); err != nil {
		return err
	}
	return s.DeleteCertificate(ctx, tenant, certificate.Thumbprint(pair.Certificate))
}
