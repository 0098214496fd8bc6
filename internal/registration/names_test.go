package registration

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestTargetAppRegistration_WhoWaitsForANameGivesUpAtTheEndOfItsOwnTime(t *testing.T) {
	var names NameLocks
	_, unlock, err := names.lock(t.Context(), "tenant", "Waited For")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = names.lock(ctx, "tenant", "waited for") // ends, although the name is held
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), `"waited for"`) {
		t.Errorf("the error is %v", err)
	}
	if _, other, err := names.lock(t.Context(), "tenant", "another"); err != nil {
		t.Errorf("another name: %v", err)
	} else {
		other()
	}
	unlock()
	if _, _, err := names.lock(ctx, "tenant", "waited for"); !errors.Is(err, context.Canceled) {
		t.Errorf("an operation that is over got the name: %v", err)
	}
	_, unlock, err = names.lock(t.Context(), "tenant", "waited for")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
