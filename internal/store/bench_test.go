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
			must(b, s.Unlock(b.Context())) // once a process
			run(b, s)
		})
	}
}

// Everything that is written is on the disk before it has its name, so the disk tells how long this takes.
func BenchmarkWriteOfAConnection(b *testing.B) {
	among(b, func(b *testing.B, s *Store) {
		made := create(b, s, withSecret())
		for b.Loop() {
			made = update(b, s, made, new(secret))
		}
	})
}

func BenchmarkReadOfAConnection(b *testing.B) {
	among(b, func(b *testing.B, s *Store) {
		create(b, s, withSecret())
		for b.Loop() {
			read(b, s)
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
