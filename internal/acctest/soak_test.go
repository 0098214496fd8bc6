package acctest_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// seedOf is what the environment gives, to play a failed run again, or a new one.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64N(1<<32) + 1
	if given := os.Getenv("SANDBOX_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("SANDBOX_SEED: %v", err)
		}
	}
	t.Logf("SANDBOX_SEED=%d plays this again", seed)
	return seed
}

// soakProfile returns the profile hostile, or degraded where the environment says so: in others there are no faults.
func soakProfile() string {
	if os.Getenv("SANDBOX_PROFILE") == "degraded" {
		return "degraded"
	}
	return "hostile"
}

// soak runs cycles in several tenants of a profile with faults at once. No command may fail: every fault there is
// temporary, and so is every lag.
func soak(t *testing.T, profile string, seed uint64, tenants, cyclesEach, happenings int) *acctest.Env {
	t.Helper()
	options := sandbox.Options{Tenants: tenants, Profile: profile, Seed: seed}
	if profile == "hostile" {
		options.Speed = 100 // nothing lags, and no pause has to be long
	}
	env := acctest.Start(t, options)
	watch, option := env.Watch()
	p := env.Protocol(env.Tenant(0).Callers.Full, option)
	lifecycles := make([]*lifecycle, tenants)
	var cycles atomic.Int64
	var everybody sync.WaitGroup
	for i := range lifecycles {
		lifecycles[i] = newLifecycle(env, p, i, seed)
		lifecycles[i].target.AtOnce = profile == "degraded"
		everybody.Go(func() {
			for number := range cyclesEach {
				if err := lifecycles[i].cycle(t, number, happenings); err != nil {
					t.Errorf("SANDBOX_SEED=%d: %v", seed, err)
					return
				}
				cycles.Add(1)
			}
		})
	}
	everybody.Wait()
	t.Logf("%d cycles in %d tenants, %d requests, faults %v", cycles.Load(), tenants, len(env.Requests()),
		env.Server.FaultsMet())
	if len(env.Server.FaultsMet()) == 0 {
		t.Error("no request met a fault")
	}
	if problems := watch.Problems(); len(problems) > 0 {
		t.Errorf("%d requests were sent that should not have been, such as %s", len(problems), problems[0])
	}
	nothingLeaked(t, env, lifecycles)
	return env
}

// token is a JSON web token: header and payload are JSON in base64url (RFC 7519).
var token = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.eyJ`)

// nothingLeaked looks for secrets wherever somebody may look: in what was printed, the states, the log and the store.
func nothingLeaked(t *testing.T, env *acctest.Env, lifecycles []*lifecycle) {
	t.Helper()
	secrets := []string{env.Tenant(0).Callers.Full.ClientSecret, acctest.Passphrase, "PRIVATE KEY"}
	for _, l := range lifecycles {
		secrets = append(secrets, l.secrets...)
	}
	look := func(where, text string) {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %.4s…", where, secret)
			}
		}
		if token.MatchString(text) {
			t.Errorf("%s holds a token", where)
		}
	}
	for _, l := range lifecycles {
		look(fmt.Sprintf("what tenant %d's runs said, or their state,", l.i), l.target.Said())
	}
	look("the log", fmt.Sprint(env.Requests()))
	err := filepath.WalkDir(env.Store, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		look(path, string(content))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAccTargetAppRegistration_TenantsEndAsDeclaredWhateverFaultsTheyMeet(t *testing.T) {
	t.Parallel()
	soak(t, soakProfile(), seedOf(t), 4, 1, 2)
}

// TestSoak_IsPlayedAgainByItsSeed plays one twice, and compares what the tenants were asked and what they answered. In
// the degraded profile that is not always the same, since lags pass in real time.
func TestSoak_IsPlayedAgainByItsSeed(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	var played [2]map[int][]string
	var both sync.WaitGroup
	for i := range played {
		both.Go(func() {
			env := soak(t, "hostile", seed, 3, 1, 2)
			played[i] = transcripts(env)
		})
	}
	both.Wait()
	for tenant, first := range played[0] {
		if second := played[1][tenant]; !slices.Equal(first, second) {
			t.Errorf("SANDBOX_SEED=%d: tenant %d was asked\n%s\nand then\n%s", seed, tenant, strings.Join(first, "\n"),
				strings.Join(second, "\n"))
		}
	}
}

var identifier = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z0-9_-]{43}`)

// transcripts are what each tenant was asked, and how it was answered, without what is new in each run, sorted: what is
// asked side by side comes in any order.
func transcripts(env *acctest.Env) map[int][]string {
	tenants := map[string]int{}
	for i, tenant := range env.Server.TenantsJSON().Tenants {
		tenants[tenant.TenantID] = i
	}
	all := map[int][]string{}
	for _, r := range env.Requests() {
		line := fmt.Sprint(r.Method, " ", r.Path, " ", r.Status)
		for _, part := range r.Parts {
			line += fmt.Sprint("; ", part.Method, " ", part.Path, " ", part.Status)
		}
		all[tenants[r.TenantID]] = append(all[tenants[r.TenantID]], identifier.ReplaceAllString(line, "*"))
	}
	for _, lines := range all {
		slices.Sort(lines)
	}
	return all
}

// TestAccTargetAppRegistration_AnySequenceOfDriftAndApplyEndsAsDeclared lets events happen by lot, each followed by an
// apply and by one that must find nothing to do.
func TestAccTargetAppRegistration_AnySequenceOfDriftAndApplyEndsAsDeclared(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	env := acctest.Start(t, sandbox.Options{})
	l := newLifecycle(env, env.Protocol(env.Tenant(0).Callers.Full), 0, seed)
	l.begin(0)
	if err := l.apply(t); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		l.happen(events[l.lot.IntN(len(events))])
		if err := l.apply(t); err != nil {
			t.Fatalf("SANDBOX_SEED=%d: %v", seed, err)
		}
		if changed, err := l.target.Apply(t.Context(), l.config()); err != nil || changed {
			t.Fatalf("SANDBOX_SEED=%d: after %q a second apply changes something: %t, %v", seed, l.history, changed, err)
		}
	}
	if err := l.destroy(t); err != nil {
		t.Errorf("SANDBOX_SEED=%d: %v", seed, err)
	}
}
