package provider

import (
	"maps"
	"testing"
)

func TestProvider_TheLibrariesAreQuietUnlessALogWasAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		environment []string
		quiet       bool
	}{
		"nothing":                 {[]string{"PATH=/bin", "TF_VAR_x=TF_LOG"}, true},
		"switched off":            {[]string{"TF_LOG="}, true},
		"Terraform's log":         {[]string{"TF_LOG=INFO"}, false},
		"the providers' log":      {[]string{"TF_LOG_PROVIDER=DEBUG"}, false},
		"the libraries' own log":  {[]string{"TF_LOG_SDK_PROTO=TRACE"}, false},
		"a file, whatever is set": {[]string{"TF_LOG_PATH=/tmp/log"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			set := map[string]string{}
			err := QuietLibraries(c.environment, func(name, value string) error { set[name] = value; return nil })
			want := map[string]string{}
			if c.quiet {
				want = map[string]string{"TF_LOG_SDK": "OFF", "TF_LOG_PROVIDER_CODETWO": "OFF"}
			}
			if err != nil || !maps.Equal(set, want) {
				t.Errorf("set %v, %v; want %v", set, err, want)
			}
		})
	}
}
