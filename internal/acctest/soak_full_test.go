//go:build full

package acctest_test

import "testing"

// TestAccTargetAppRegistration_FiveHundredCyclesLeaveNothingLostDoubledOrLeaked is the long form of the test for every
// day.
func TestAccTargetAppRegistration_FiveHundredCyclesLeaveNothingLostDoubledOrLeaked(t *testing.T) {
	soak(t, soakProfile(), seedOf(t), 20, 25, 3)
}
