package acctest

import (
	"net/http"
	"testing"
)

func TestEnv_ATestThatIsNotHeldAgainstTheContractIsFoundOut(t *testing.T) {
	graph, signIn := Request{Method: http.MethodGet, Path: "/v1.0/organization"},
		Request{Method: http.MethodPost, Path: "/t/oauth2/v2.0/token"}
	for _, test := range []struct {
		checked int
		logged  []Request
		want    bool
	}{
		{0, nil, false}, {0, []Request{signIn}, false}, {0, []Request{signIn, graph}, true}, {1, []Request{graph}, false},
	} {
		if got := unheard(test.checked, test.logged); got != test.want {
			t.Errorf("%d checked of %v: unheard %t", test.checked, test.logged, got)
		}
	}
}
