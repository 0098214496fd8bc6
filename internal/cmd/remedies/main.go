// Command remedies generates the remedies guide from the tables of package checks, and fills the EWS facts into the
// documentation templates.
package main

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// head is the page up to the first code.
//
//go:embed head.md
var head string

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "remedies:", err)
		os.Exit(1)
	}
}

// run prints the guide or, given the folder of the documentation's templates, writes it there and fills in the others.
func run(args []string) error {
	if len(args) == 0 {
		return write(os.Stdout)
	}
	var guide strings.Builder
	if err := write(&guide); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(args[0], "guides", "remedies.md.tmpl"), []byte(guide.String()),
		0o600); err != nil {
		return err
	}
	return fillTemplates(args[0])
}

func write(w io.Writer) error {
	var page strings.Builder
	page.WriteString(head)
	for _, known := range auth.Reasons() {
		section(&page, fmt.Sprintf("AADSTS%d", known.Code), checks.ExplainSignInCode(known), known.Remedy,
			note(known.Propagating, "not yet"), note(known.Transient, "may pass"), note(known.Unconfirmed, "unconfirmed"))
		if known.Caller != "" {
			fmt.Fprintf(&page, "\n*For the identity that runs Terraform:* %s\n", fill(known.Caller))
		}
	}
	page.WriteString("\n## Exchange Online: `ews` and `public_folders`\n")
	for _, known := range checks.ExchangeAnswers() {
		remedy := known.Remedy
		if known.Script {
			remedy += "\nThe script is in the guide [Access to EWS](ews.md), in the remedy, and on the hand-off sheet."
		}
		section(&page, fmt.Sprintf("%s (`%s`)", known.Answer, known.Check), known.Meaning, remedy,
			note(known.Transient, "may pass"), note(known.Unconfirmed, "unconfirmed"))
	}
	_, err := io.WriteString(w, page.String())
	return err
}

func note(holds bool, words string) string {
	if holds {
		return words
	}
	return ""
}

func section(page *strings.Builder, title, meaning, remedy string, notes ...string) {
	if !strings.HasSuffix(meaning, ".") && !strings.HasSuffix(meaning, `"`) {
		meaning += "."
	}
	fmt.Fprintf(page, "\n### %s\n\n%s", title, fill(meaning))
	var said []string
	for _, words := range notes {
		if words != "" {
			said = append(said, words)
		}
	}
	if len(said) > 0 {
		fmt.Fprintf(page, " *(%s)*", strings.Join(said, ", "))
	}
	page.WriteString("\n")
	if remedy == "" { // nobody but the identity that runs Terraform meets it
		return
	}
	page.WriteString("\n" + markdown(fill(remedy)) + "\n")
}

// command is a line of PowerShell: a cmdlet, a comment, or a part of a list or block.
var command = regexp.MustCompile(`^(#|@\(|\)|\}|  |[A-Z][a-z]+-[A-Z])`)

// markdown sets a remedy of several lines: what is to be typed in a block of its own, and lists as lists.
func markdown(remedy string) string {
	var set strings.Builder
	typed, listed := false, false
	for line := range strings.Lines(remedy) {
		line = strings.TrimSuffix(line, "\n")
		now, item := command.MatchString(line), strings.HasPrefix(line, "- ")
		switch {
		case now && !typed:
			set.WriteString("\n```powershell\n")
		case !now && typed:
			set.WriteString("```\n\n")
		case set.Len() > 0 && !now && item != listed:
			set.WriteString("\n")
		}
		set.WriteString(line + "\n")
		typed, listed = now, item
	}
	if typed {
		set.WriteString("```\n")
	}
	return strings.TrimSuffix(set.String(), "\n")
}

// fill puts placeholders where a report has names.
func fill(text string) string {
	return checks.ExpandPlaceholders(text,
		store.Connection{TenantID: "TENANT_ID", ClientID: "CLIENT_ID", Mailbox: "MAILBOX"})
}
