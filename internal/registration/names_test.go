package appregistration

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestTargetAppRegistration_WhoWaitsForANameGivesUpAtTheEndOfItsOwnTime(t *testing.T) {
	job := func(displayName string) *job {
		return &job{model: &Model{TenantID: types.StringValue("tenant"), DisplayName: types.StringValue(displayName)}}
	}
	unlock, err := job("Waited For").lockName(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = job("waited for").lockName(ctx) // ends, although the name is held
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), `"waited for"`) {
		t.Errorf("the error is %v", err)
	}
	if other, err := job("another").lockName(t.Context()); err != nil {
		t.Errorf("another name: %v", err)
	} else {
		other()
	}
	unlock()
	if _, err := job("waited for").lockName(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("an operation that is over got the name: %v", err)
	}
	unlock, err = job("waited for").lockName(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
