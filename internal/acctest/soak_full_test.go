//go:build full

package acctest_test

import "testing"

// TestFiveHundredCyclesLeaveNothingLostDoubledOrLeaked is the long form of the test for every day.
func TestFiveHundredCyclesLeaveNothingLostDoubledOrLeaked(t *testing.T) {
	soak(t, seedOf(t), 20, 25, 3)
}
