package retry

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

func FuzzAPauseIsAsLongAsTheAnswerAsksUpToTheLongest(f *testing.F) {
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
		checkSeconds(t, value)
		checkDate(t, value, date)
		for _, name := range []string{"Retry-After", "Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
			if pause := RequestedDelay(http.Header{name: {value}, "Date": {date}}); pause < 0 || pause > LongestPause {
				t.Errorf("%s: %q at %q is %s", name, value, date, pause)
			}
		}
	})
}

// checkSeconds holds a whole number of seconds against the pause that it asks for.
func checkSeconds(t *testing.T, value string) {
	t.Helper()
	seconds, err := strconv.ParseUint(value, 10, 16)
	if err != nil {
		return
	}
	want := min(time.Duration(seconds)*time.Second, LongestPause)
	if pause := RequestedDelay(http.Header{"Retry-After": {value}}); pause != want {
		t.Errorf("%q seconds are %s, want %s", value, pause, want)
	}
}

// checkDate holds a date in the form of RFC 9110 against the pause that it asks for.
func checkDate(t *testing.T, value, date string) {
	t.Helper()
	until, err := time.Parse(http.TimeFormat, value)
	now, err2 := time.Parse(http.TimeFormat, date)
	if err != nil || err2 != nil {
		return
	}
	want := max(min(until.Sub(now), LongestPause), 0)
	if pause := RequestedDelay(http.Header{"Retry-After": {value}, "Date": {date}}); pause != want {
		t.Errorf("from %q until %q is %s, want %s", date, value, pause, want)
	}
}
