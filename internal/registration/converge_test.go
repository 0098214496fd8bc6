package registration

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
)

// laggingDirectory answers reads and writes as the replicas of a test's tenant do, one answer after the other; the last
// one again and again.
type laggingDirectory struct {
	entra.Directory
	reads        []*entra.Registration
	writes       []entra.Outcome // of a write's first change; the others are done if it is
	last         []entra.Outcome // of a write's last change, where that is another one
	looks, tries int
}

func (d *laggingDirectory) Registration(context.Context, entra.RegistrationRef) (*entra.Registration, error) {
	seen := d.reads[min(d.looks, len(d.reads)-1)]
	d.looks++
	return seen, nil
}

func (d *laggingDirectory) Write(_ context.Context, _ entra.Order, changes ...entra.Change) []entra.Outcome {
	outcomes := make([]entra.Outcome, len(changes))
	outcomes[0] = d.writes[min(d.tries, len(d.writes)-1)]
	for i := range outcomes[1:] {
		outcomes[i+1].Skipped = outcomes[0].Err != nil
	}
	if d.tries < len(d.last) {
		outcomes[len(changes)-1] = d.last[d.tries]
	}
	d.tries++
	return outcomes
}

func operationOn(directory entra.Directory) *operation {
	return &operation{
		Manager: &Manager{Directory: directory, NameLocks: &NameLocks{}, Retries: retry.Policy{Clock: &retrytest.Clock{}},
			Now: time.Now},
		recorded: &Observed{},
	}
}

var (
	stale = &entra.Registration{}
	good  = &entra.Registration{Application: &entra.Application{}}
)

func applicationMissing(seen *entra.Registration) string {
	if seen.Application == nil {
		return "the application"
	}
	return ""
}

func TestTargetAppRegistration_OneGoodReadSufficesAndThreeInARowAreNeededAfterAStaleOne(t *testing.T) {
	for name, c := range map[string]struct {
		reads []*entra.Registration
		looks int
	}{
		"good at once":                  {[]*entra.Registration{good}, 1},
		"stale, then good":              {[]*entra.Registration{stale, good}, 4},
		"stale again between good ones": {[]*entra.Registration{stale, good, good, stale, good}, 7},
	} {
		t.Run(name, func(t *testing.T) {
			directory := &laggingDirectory{reads: c.reads}
			seen, err := operationOn(directory).confirm(t.Context(), entra.RegistrationRef{}, applicationMissing)
			if err != nil || seen != good || directory.looks != c.looks {
				t.Errorf("%d looks, want %d; %+v, %v", directory.looks, c.looks, seen, err)
			}
		})
	}
}

func TestTargetAppRegistration_WhatNeverShowsFailsWhenTheOperationsTimeIsOverAndSaysWhatIsMissing(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	directory := &laggingDirectory{reads: []*entra.Registration{stale}}
	o, clock := operationOn(directory), &retrytest.Clock{}
	o.Retries.Clock = clock
	_, err := o.confirm(ctx, entra.RegistrationRef{}, applicationMissing)
	if err == nil || !strings.Contains(err.Error(), "the time allowed by timeouts ran out while Entra did not show the "+
		"application yet; run the same") {
		t.Errorf("%v", err)
	}
	over, release := context.WithDeadline(t.Context(), clock.Now())
	defer release()
	for name, read := range map[string]func(*operation) error{
		"a refresh": func(o *operation) error { _, err := o.Manager.read(over, o.recorded, nil); return err },
		"an update": func(o *operation) error { _, err := o.readRecorded(over); return err },
	} {
		late := operationOn(&laggingDirectory{reads: []*entra.Registration{stale}})
		late.Retries.Clock = clock
		if err := read(late); err == nil ||
			!strings.Contains(err.Error(), "ran out while Entra did not show the application; "+
				"run the same command again") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if deadline, _ := ctx.Deadline(); deadline.Sub(clock.Now()) > finalReadBefore {
		t.Errorf("it gave up %s before its time was over", deadline.Sub(clock.Now()))
	}
	if directory.looks < 60 || directory.looks > 200 {
		t.Errorf("%d looks in ten minutes: too many for Entra, or too few for who waits", directory.looks)
	}
}

func TestTargetAppRegistration_NotYetIsWaitedOutOnlyWhileSomethingWasMadeAMomentAgo(t *testing.T) {
	notYet := map[string]*entra.Error{
		"404":                           {Status: http.StatusNotFound, Code: "Request_ResourceNotFound"},
		"400 without backing":           {Status: http.StatusBadRequest, Details: []entra.ErrorDetail{{Code: "NoBackingApplicationObject"}}},
		"400 on a reference":            {Status: http.StatusBadRequest, Message: "Not a valid reference update."},
		"403 with the OwnedBy text":     {Status: http.StatusForbidden, Message: "When using this permission, the backing application of the service principal being created must in the local tenant"},
		"409 of another kind (final)":   {Status: http.StatusConflict, Code: "ObjectConflict"},
		"403 of another kind (final)":   {Status: http.StatusForbidden, Code: "Authorization_RequestDenied"},
		"400 of another kind (final)":   {Status: http.StatusBadRequest, Code: "Request_BadRequest", Message: "Invalid value"},
		"404 of something else (final)": {Status: http.StatusNotFound, Code: "ResourceNotFound"},
	}
	for name, refusal := range notYet {
		for _, c := range []struct {
			when    string
			prepare func(*operation)
			fresh   bool
		}{
			{"made in this operation", func(o *operation) { o.wrote = true; o.madeAt = time.Now().AddDate(-1, 0, 0) }, true},
			{"made by the run before", func(o *operation) { o.madeAt = time.Now().Add(-time.Minute) }, true},
			{"made a year ago", func(o *operation) { o.madeAt = time.Now().AddDate(-1, 0, 0) }, false},
		} {
			t.Run(name+", "+c.when, func(t *testing.T) {
				directory := &laggingDirectory{writes: []entra.Outcome{{Err: refusal}, {Err: refusal}, {}}}
				o := operationOn(directory)
				c.prepare(o)
				_, err := o.write(t.Context(), entra.Sequential, entra.DeleteApplication{}, entra.DeleteServicePrincipal{})
				if waits := c.fresh && !strings.HasSuffix(name, "(final)"); waits && (err != nil || directory.tries != 3) {
					t.Errorf("%d writes, %v; want it to be waited out", directory.tries, err)
				} else if !waits && (!errors.Is(err, refusal) || directory.tries != 1) {
					t.Errorf("%d writes, %v; want the refusal at once", directory.tries, err)
				}
			})
		}
	}
}

func TestTargetAppRegistration_WhatThisRunDeletedIsPurgedAsSoonAsTheRecycleBinShowsIt(t *testing.T) {
	absent, done := entra.Outcome{Absent: true}, entra.Outcome{}
	lost, lostAndAbsent := entra.Outcome{Lost: true}, entra.Outcome{Absent: true, Lost: true}
	for name, c := range map[string]struct {
		deleted entra.Outcome
		writes  []entra.Outcome
		tries   int
	}{
		"shown at once":                                             {done, []entra.Outcome{done}, 1},
		"shown after a while":                                       {done, []entra.Outcome{absent, absent, absent, absent, done}, 5},
		"purged by somebody long ago":                               {absent, []entra.Outcome{absent}, 3},
		"purged by a request whose answer was lost":                 {done, []entra.Outcome{lostAndAbsent, absent}, 5},
		"a purge whose answer was lost, and shown after a while":    {done, []entra.Outcome{lostAndAbsent, absent, absent, done}, 4},
		"deleted by a request whose answer was lost":                {lostAndAbsent, []entra.Outcome{absent, absent, absent, done}, 4},
		"deleted after a lost answer, and shown after a long while": {lost, []entra.Outcome{absent, absent, absent, absent, absent, absent, done}, 7},
	} {
		t.Run(name, func(t *testing.T) {
			directory := &laggingDirectory{writes: c.writes}
			err := operationOn(directory).purge(t.Context(), []entra.Change{entra.PurgeDeletedItem{}},
				[]entra.Outcome{c.deleted})
			if err != nil || directory.tries != c.tries {
				t.Errorf("%d tries, want %d; %v", directory.tries, c.tries, err)
			}
		})
	}
}

func TestTargetAppRegistration_ADeletionThatOneReplicaKnewNothingOfIsRepeated(t *testing.T) {
	directory := &laggingDirectory{writes: []entra.Outcome{{Absent: true}, {}}, reads: []*entra.Registration{good, good,
		stale}}
	outcomes, err := operationOn(directory).deleteUntilGone(t.Context(), []entra.Change{entra.DeleteApplication{}})
	if err != nil || directory.tries != 2 || outcomes[0].Absent {
		t.Errorf("%d deletions, %+v, %v", directory.tries, outcomes, err)
	}
}

func TestTargetAppRegistration_WhatTheFirstDeletionFoundCountsAsDeletedThoughTheSecondFindsItGone(t *testing.T) {
	directory := &laggingDirectory{
		writes: []entra.Outcome{{}, {Absent: true}}, last: []entra.Outcome{{Absent: true}, {}},
		reads: []*entra.Registration{good, stale},
	}
	outcomes, err := operationOn(directory).deleteUntilGone(t.Context(), []entra.Change{entra.DeleteServicePrincipal{},
		entra.DeleteApplication{}})
	if err != nil || directory.tries != 2 || outcomes[0].Absent || outcomes[1].Absent {
		t.Errorf("%d deletions, %+v, %v", directory.tries, outcomes, err)
	}
}
