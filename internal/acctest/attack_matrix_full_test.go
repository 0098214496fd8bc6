//go:build full && linux

package acctest_test

import "testing"

func TestAccStore_SixHundredAttacksByLotChangeNothingThatAnybodyActsOn(t *testing.T) {
	t.Parallel()
	playMatrix(t, 600)
}
