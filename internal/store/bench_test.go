package store

import (
	"fmt"
	"testing"
)

// among runs a benchmark of one connection, with its client secret, among so many others.
func among(b *testing.B, run func(b *testing.B, s *Store)) {
	for _, records := range []int{10, 1_000, 10_000} {
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) {
			dir := withIdentity(b)
			fill(b, dir, withSecret(), records)
			s := open(b, dir, passphrase)
			_, err := s.unlock(b.Context()) // once a process
			must(b, err)
			run(b, s)
		})
	}
}

// Everything that is written is on the disk before it has its name, so the disk tells how long this takes.
func BenchmarkWriteOfAConnection(b *testing.B) {
	among(b, func(b *testing.B, s *Store) {
		made, err := s.CreateConnection(b.Context(), withSecret(), secret)
		must(b, err)
		value := secret
		for b.Loop() {
			made, err = s.UpdateConnection(b.Context(), made, &value)
			must(b, err)
		}
	})
}

func BenchmarkReadOfAConnection(b *testing.B) {
	among(b, func(b *testing.B, s *Store) {
		_, err := s.CreateConnection(b.Context(), withSecret(), secret)
		must(b, err)
		for b.Loop() {
			_, err := s.Connection(b.Context(), tenant, mailbox)
			must(b, err)
		}
	})
}

func BenchmarkListOfConnections(b *testing.B) {
	among(b, func(b *testing.B, s *Store) {
		for b.Loop() {
			_, _, err := s.Connections(b.Context(), tenant)
			must(b, err)
		}
	})
}
