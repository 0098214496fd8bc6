package appregistration_test

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

// CheckPlan implements plancheck.PlanCheck.
func (c noRequest) CheckPlan(_ context.Context, _ plancheck.CheckPlanRequest, response *plancheck.CheckPlanResponse) {
	if requests := c.k.Requests(); len(requests) > 0 {
		response.Error = fmt.Errorf("the first plan needs no request, yet there were %+v", requests)
	}
}
