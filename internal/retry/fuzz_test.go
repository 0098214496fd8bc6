package retry

import (
	"net/http"
	"testing"
)

func FuzzAPauseIsNeverNegativeNorBeyondTheLongest(f *testing.F) {
	for _, value := range []string{
		"", "0", "-1", "3", "2.5", "9223372036855", "9223372036854775808", "-9223372036854775809", "1e400", "-1e400", "Inf",
		"NaN", "0x10",
		"Thu, 26 Nov 2026 10:00:07 GMT", "Thursday, 26-Nov-26 10:00:07 GMT", "Mon, 01 Jan 0001 00:00:00 GMT",
		"Fri, 31 Dec 9999 23:59:59 GMT",
	} {
		f.Add(value, "Thu, 26 Nov 2026 10:00:00 GMT")
		f.Add(value, "Fri, 31 Dec 9999 23:59:59 GMT")
		f.Add(value, "Mon, 01 Jan 0001 00:00:00 GMT")
		f.Add(value, "yesterday")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		for _, name := range []string{"Retry-After", "Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
			if pause := RetryAfter(http.Header{name: {value}, "Date": {date}}); pause < 0 || pause > LongestPause {
				t.Errorf("%s: %q at %q is %s", name, value, date, pause)
			}
		}
	})
}
