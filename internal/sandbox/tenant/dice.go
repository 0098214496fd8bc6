package tenant

import (
	"math/rand/v2"
	"sync"
)

// dice are thrown by several goroutines. With the same seed and the same order of throws they fall alike.
type dice struct {
	mu     sync.Mutex
	random *rand.Rand
}

func newDice(seed uint64) *dice { return &dice{random: rand.New(rand.NewPCG(seed, 0))} }

func (d *dice) below(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.random.IntN(n)
}
