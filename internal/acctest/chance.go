package acctest

import (
	"os"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// OnlyInjectedFaults returns the options of a sandbox whose requests meet no faults by chance, whatever SANDBOX_PROFILE
// says: its replicas may lag. It is for tests that state how often, or in which order, something is asked for or waited
// for; why says which statement that is. The log of a test run lists them.
func OnlyInjectedFaults(t testing.TB, why string, options sandbox.Options) sandbox.Options {
	t.Helper()
	without := map[string]string{"degraded": "realistic", "hostile": "instant"}
	if profile, ok := without[os.Getenv("SANDBOX_PROFILE")]; ok && options.Profile == "" {
		options.Profile = profile
		t.Logf("%s and not %s, because the test states %s", profile, os.Getenv("SANDBOX_PROFILE"), why)
	}
	return options
}
