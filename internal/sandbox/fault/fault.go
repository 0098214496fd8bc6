// Package fault makes chosen requests fail, hang, or return late or stale responses, and in the profiles hostile and
// degraded picks requests at random.
package fault

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Kind is what happens to a request.
type Kind string

// The kinds. "Carried out" means that the tenant is changed, whatever the client is told.
const (
	Throttled     Kind = "throttled"      // 429, not carried out
	ServerError   Kind = "server_error"   // 500, not carried out
	Unavailable   Kind = "unavailable"    // 503, not carried out
	TimeoutBefore Kind = "timeout_before" // 504, not carried out
	TimeoutAfter  Kind = "timeout_after"  // 504, carried out
	ResetBefore   Kind = "reset_before"   // the connection ends without an answer, not carried out
	ResetAfter    Kind = "reset_after"    // the connection ends without an answer, carried out
	CutOff        Kind = "cut_off"        // carried out, and the answer breaks off in its middle
	HTMLPage      Kind = "html"           // 502 with a gateway's page, not carried out
	EmptyBody     Kind = "empty"          // 503 without a body, not carried out
	Slow          Kind = "slow"           // carried out, For late
	Stale         Kind = "stale"          // answered as of For ago
	Refused       Kind = "refused"        // an error of Status, Code and Message, not carried out
	Unread        Kind = "unread"         // 404: the directory cannot read who its tenant is, not carried out
	Concurrent    Kind = "concurrent"     // 409: other requests are being made to the tenant, not carried out
)

// kinds are all of them, in the order in which they are told of.
var kinds = []Kind{
	Throttled, ServerError, Unavailable, TimeoutBefore, TimeoutAfter, ResetBefore, ResetAfter, CutOff, HTMLPage, EmptyBody,
	Slow, Stale, Refused,
	Unread, Concurrent,
}

// Fault is what certain requests meet. The parts of a batch are requests, too, and so is the batch as a whole.
type Fault struct {
	// At is the method, a space and the path without its query, such as "PATCH /v1.0/applications*"; * is any text in
	// either, and without a method every one is meant. Case does not matter.
	At    string `json:"at"`
	Kind  Kind   `json:"kind"`
	Nth   int    `json:"nth,omitempty"`   // the first request that is hit, of those that match; 0 means 1
	Times int    `json:"times,omitempty"` // how many that match are hit in a row; 0 means 1
	// the header of that name, such as 2; for the kinds that answer with an error
	RetryAfter string `json:"retry_after,omitempty"`
	// a duration such as 30s: of Slow on this machine's clock (default 2s), of Stale in the tenants' time (default 1m)
	For     string `json:"for,omitempty"`
	Status  int    `json:"status,omitempty"`  // of Refused
	Code    string `json:"code,omitempty"`    // of Refused, such as Authorization_RequestDenied
	Message string `json:"message,omitempty"` // of Refused

	lastWrite bool // of Stale: answered as of before the last write to the tenant that has not settled, in place of For
}

// State is an injected fault, with how many requests it has met.
type State struct {
	Fault
	Seen  int `json:"seen"`  // requests that matched
	Fired int `json:"fired"` // requests that were hit
}

// check fills in what was left out, and returns what the fault's requests look like: method, space, path.
func (f *Fault) check() (*regexp.Regexp, error) {
	switch {
	case !slices.Contains(kinds, f.Kind):
		return nil, fmt.Errorf("kind: %q is none of %q", f.Kind, kinds)
	case f.Nth < 0 || f.Times < 0:
		return nil, errors.New("nth and times are counted from 1")
	case f.Kind == Refused && (f.Status < 400 || f.Status > 599):
		return nil, fmt.Errorf("status: %d is not the status of an error, 400 to 599", f.Status)
	}
	f.Nth, f.Times = max(f.Nth, 1), max(f.Times, 1)
	if f.For != "" {
		if d, err := time.ParseDuration(f.For); err != nil || d <= 0 {
			return nil, fmt.Errorf("for: %q is not a duration such as 30s", f.For)
		}
	}
	method, path, both := strings.Cut(f.At, " ")
	if !both {
		method, path = "*", f.At
	}
	if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "*") {
		return nil, fmt.Errorf("at: %q is not a method and path such as PATCH /v1.0/applications*", f.At)
	}
	return regexp.MustCompile("(?i)^" + strings.ReplaceAll(regexp.QuoteMeta(method+" "+path), `\*`, ".*") + "$"), nil
}

// duration is For, or what it is by default.
func (f Fault) duration(byDefault time.Duration) time.Duration {
	d, err := time.ParseDuration(f.For)
	if err != nil {
		return byDefault
	}
	return d
}
