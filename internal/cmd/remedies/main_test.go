package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
)

func TestTheGuideTellsEveryCodeOnceWithWhatToDoForAppAndCaller(t *testing.T) {
	var page strings.Builder
	if err := write(&page); err != nil {
		t.Fatal(err)
	}
	guide := page.String()
	for _, known := range auth.Reasons() {
		title := fmt.Sprintf("### AADSTS%d\n", known.Code)
		_, section, found := strings.Cut(guide, title)
		section, _, _ = strings.Cut(section, "\n#")
		if !found || strings.Count(guide, title) != 1 || strings.Contains(section, "AADSTS") {
			t.Errorf("%d: found %t:\n%s", known.Code, found, section)
		}
		for _, words := range []string{checks.ExplainSignInCode(known), known.Remedy, known.Caller} {
			if !strings.Contains(section, fill(words)) {
				t.Errorf("%d lacks %q:\n%s", known.Code, fill(words), section)
			}
		}
		if strings.Contains(section, "For the identity that runs Terraform") != (known.Caller != "") ||
			strings.Contains(section, "\n\n\n") {
			t.Errorf("%d:\n%s", known.Code, section)
		}
	}
	if strings.ContainsAny(guide, "{}") {
		t.Error("a place for a name is left empty")
	}
}
