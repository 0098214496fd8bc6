package fault

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func FuzzAnyFaultIsRefusedOrHitsWhatItNames(f *testing.F) {
	for _, text := range []string{
		"{}", `{"at":"PATCH /v1.0/applications*","kind":"timeout_after","nth":2,"times":1,"retry_after":"5"}`,
		`{"at":"/v1.0/users","kind":"throttled"}`, `{"at":"*","kind":"slow","for":"30s"}`, `{"at":"*","kind":"slow","for":"-1s"}`,
		`{"at":"GET x","kind":"html"}`, `{"at":"* /a(b)[c].+","kind":"refused","status":403,"code":"c","message":"m"}`,
		`{"at":"/","kind":"refused","status":200}`, `{"at":"/","kind":"empty","nth":-1}`, `{"at":"/\n\u00e4","kind":"stale"}`,
		`{"at":"","kind":"reset_before"}`, `{"at":"/\ufffd\u0130","kind":"concurrent"}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var fault Fault
		if json.Unmarshal([]byte(text), &fault) != nil {
			return
		}
		hits, err := fault.check()
		if err != nil {
			return
		}
		request := fault.At
		if !strings.Contains(request, " ") {
			request = "DELETE " + request
		}
		if request = strings.ReplaceAll(request, "*", "x"); !hits.MatchString(request) {
			t.Errorf("the fault at %q does not hit %q", fault.At, request)
		}
		if hits.MatchString("GET nowhere") && !strings.Contains(fault.At, "*") {
			t.Errorf("the fault at %q hits everything", fault.At)
		}
		if fault.Nth < 1 || fault.Times < 1 || fault.duration(time.Second) <= 0 {
			t.Errorf("the fault is %+v", fault)
		}
	})
}
