package history

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// WriteText writes requests as text: aligned, one line for each, and the parts of a batch indented below it. Times are
// seconds after the first request; tenants are numbered in the order of their appearance, after a list of their IDs.
func WriteText(out io.Writer, requests []Request) error {
	var text strings.Builder
	tenants := legend(&text, requests)
	requests = slices.SortedStableFunc(slices.Values(requests), func(a, b Request) int { return a.Time.Compare(b.Time) })
	rows := [][]string{{"seconds", "tenant", "asked by", "answer", "as of", "request", "meaning"}}
	for _, r := range requests {
		number := ""
		if r.TenantID != "" {
			number = strconv.Itoa(tenants[r.TenantID])
		}
		began := fmt.Sprintf("%.3f", r.Time.Sub(requests[0].Time).Seconds())
		rows = append(rows, []string{began, number, askedBy(r), answer(r.Status, r.Notes), views(r.Views),
			shortened(r.Method + " " + r.Path), remarks(r.Notes, r.ClientRequestID)})
		for _, part := range r.Parts {
			rows = append(rows, []string{"", "", "", "  " + answer(part.Status, part.Notes), views(part.Views),
				shortened("  " + part.Method + " " + part.Path), remarks(part.Notes, part.ClientRequestID)})
		}
	}
	align(&text, rows)
	_, err := io.WriteString(out, text.String())
	return err
}

// legend says which tenants and applications the text names, and returns the tenants' numbers by their IDs.
func legend(out *strings.Builder, requests []Request) map[string]int {
	tenants := map[string]int{}
	askers := map[tenant.Asker]bool{}
	for _, r := range requests {
		if r.TenantID != "" && tenants[r.TenantID] == 0 {
			tenants[r.TenantID] = len(tenants) + 1
			fmt.Fprintf(out, "tenant %d: %s\n", tenants[r.TenantID], r.TenantID)
		}
		if r.Caller != nil && r.Caller.ObjectID != "" && !askers[*r.Caller] {
			askers[*r.Caller] = true
			fmt.Fprintf(out, "%s in tenant %d: client ID %s, object ID %s\n", printable(asker(r.Caller)), tenants[r.TenantID],
				r.Caller.ClientID, r.Caller.ObjectID)
		}
	}
	return tenants
}

// WriteJSON writes requests as JSON, a line for each.
func WriteJSON(out io.Writer, requests []Request) error {
	encoder := json.NewEncoder(out)
	for _, r := range requests {
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// Serve answers with the requests: as text, or as JSON lines where the query says format=json.
func (h *Recorder) Serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("format") == "json" {
		w.Header().Set("Content-Type", "application/x-ndjson")
		_ = WriteJSON(w, h.Requests()) // the client is gone: nobody is left to be told
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_ = WriteText(w, h.Requests()) // the same
}

// widest is how many characters of a request the text shows: more than any path without a query.
const widest = 110

func shortened(request string) string {
	if letters := []rune(request); len(letters) > widest {
		return string(letters[:widest-1]) + "…"
	}
	return request
}

// printable replaces line breaks and other control characters, so that what a request names, such as an ID, does not
// look like a line of its own.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, text)
}

// align writes rows whose cells begin below each other.
func align(out *strings.Builder, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for column, cell := range row {
			cell = printable(cell)
			row[column] = cell
			if column == len(widths) {
				widths = append(widths, 0)
			}
			widths[column] = max(widths[column], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for column, cell := range row {
			missing := strings.Repeat(" ", max(widths[column]-utf8.RuneCountInString(cell), 0))
			if column == 0 { // a number
				cell, missing = missing+cell, ""
			}
			line.WriteString(cell + missing + "  ")
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// askedBy is who sent a request, and whether it was exempt from faults and lag, as those of tests are.
func askedBy(r Request) string {
	if r.Caller == nil || !r.Bypass {
		return asker(r.Caller)
	}
	return asker(r.Caller) + ", bypass"
}

func asker(by *tenant.Asker) string {
	if by == nil {
		return ""
	}
	return cmp.Or(by.Name, by.ClientID)
}

// answer is the status with the error's code, and the fault that the request met.
func answer(status int, notes tenant.Notes) string {
	text := strconv.Itoa(status)
	if status == 0 {
		text = "none"
	}
	if notes.Code != "" {
		text += " " + notes.Code
	}
	switch {
	case notes.Injected:
		text += " [" + notes.Fault + ", injected]"
	case notes.Fault != "":
		text += " [" + notes.Fault + "]"
	}
	return text
}

// views are the moments as of which a request was answered.
func views(seen []tenant.Seen) string {
	var texts []string
	for _, v := range seen {
		text := fmt.Sprintf("%s -%.3fs", v.Of, v.Millis/1000)
		if v.Replica > 0 {
			text = fmt.Sprintf("replica %d, %s", v.Replica, text)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

// remarks are what the request means and wrote, and its ID.
func remarks(notes tenant.Notes, clientRequestID string) string {
	texts := []string{}
	if notes.Meaning != "" {
		texts = append(texts, notes.Meaning)
	}
	for _, w := range notes.Writes {
		text := w.Did + " " + w.Kind + " " + w.ID
		if len(w.Fields) > 0 {
			text += " (" + strings.Join(w.Fields, ", ") + ")"
		}
		texts = append(texts, text)
	}
	if clientRequestID != "" {
		texts = append(texts, "client-request-id "+clientRequestID)
	}
	return strings.Join(texts, "; ")
}
