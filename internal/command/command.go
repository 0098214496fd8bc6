// Package command implements the commands of the provider's binary, which an operator runs by hand. Terraform starts
// the binary without one.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

const (
	name        = "terraform-provider-codetwo"
	storeName   = "store"
	renewalName = "renew-identity"
)

// The environment variables of the commands.
const (
	urlVariable           = "CODETWO_STORE_URL"
	passphraseVariable    = "CODETWO_STORE_PASSPHRASE"
	newPassphraseVariable = "CODETWO_STORE_NEW_PASSPHRASE"
)

const storeUsage = `Usage: ` + name + ` ` + storeName + ` ` + renewalName + ` [-resume]

Commands for the connection store:
  ` + renewalName + `   replace the store's identity and passphrase after a leak of either (-h explains)
`

const renewalUsage = `Usage: ` + name + ` ` + storeName + ` ` + renewalName + ` [-resume]

Replaces the identity of the connection store (identity.age) and its passphrase, after a leak of either: seals every
authentic record again, encrypts every secret and every password of a key again, and voids the old seals.
End all runs of Terraform first, and back up the store. If interrupted, run it again with the same two passphrases; it
cannot be undone. Set in the environment:

  ` + urlVariable + `              the store
  ` + passphraseVariable + `       the old passphrase
  ` + newPassphraseVariable + `   a new one that no store has had

Flags:
  -resume   finish a renewal that was begun more than a day ago
`

// Exit statuses.
const (
	statusDone   = 0
	statusFailed = 1
	statusUsage  = 2
)

// Is reports whether the arguments of the binary, without its own name, are those of a command.
func Is(arguments []string) bool { return len(arguments) > 0 && arguments[0] == storeName }

// Run runs a command, and returns the exit status: 0 if it is done, 1 if it failed, 2 if it does not exist. The results
// are written to stdout, progress and errors to stderr. No secret is in either.
func Run(
	ctx context.Context, arguments []string, getenv func(string) string, stdout, stderr io.Writer,
) (status int) {
	if len(arguments) < 2 || arguments[1] != renewalName {
		_, _ = io.WriteString(stderr, storeUsage)
		if len(arguments) == 2 && (arguments[1] == "-h" || arguments[1] == "-help" || arguments[1] == "--help") {
			return statusDone
		}
		return statusUsage
	}
	flags := flag.NewFlagSet(renewalName, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { _, _ = io.WriteString(stderr, renewalUsage) }
	resume := flags.Bool("resume", false, "")
	err := flags.Parse(arguments[2:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return statusDone
	case err != nil:
		return statusUsage
	case flags.NArg() > 0: // a passphrase, perhaps, which is not repeated
		_, _ = fmt.Fprintln(stderr, "The command takes no arguments but -resume. Passphrases are taken from the environment.")
		flags.Usage()
		return statusUsage
	}
	if err := renewIdentity(ctx, getenv, *resume, stdout, stderr); err != nil {
		_, _ = fmt.Fprintf(stderr, "Error: %v.\n", err)
		return statusFailed
	}
	return statusDone
}

func renewIdentity(
	ctx context.Context, getenv func(string) string, resume bool, stdout, stderr io.Writer,
) error {
	for _, variable := range []string{urlVariable, passphraseVariable, newPassphraseVariable} {
		if getenv(variable) == "" {
			return fmt.Errorf("%s is not set (%s %s %s -h explains)", variable, name, storeName, renewalName)
		}
	}
	s, err := store.Open(getenv(urlVariable), getenv(passphraseVariable))
	if err != nil {
		return err
	}
	done, err := s.RenewIdentity(ctx, store.Renewal{
		Passphrase: getenv(newPassphraseVariable), Now: time.Now(), Resume: resume,
		Progress: func(tenantID string, number, of int, checking bool) {
			doing := "Renewing"
			if checking {
				doing = "Checking"
			}
			_, _ = fmt.Fprintf(stderr, "%s %d of %d: tenant %s\n", doing, number, of, tenantID)
		},
	})
	switch {
	case errors.Is(err, sealing.ErrPassphraseWrong):
		return fmt.Errorf("%s opens with neither passphrase: check %s and %s", s.URL(), passphraseVariable,
			newPassphraseVariable)
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted; run it again with the same two passphrases (%w)", err)
	case err != nil:
		return err
	}
	return report(stdout, s.URL(), done)
}

// report prints what a renewal came to.
func report(out io.Writer, url string, done store.Renewed) error {
	begun := done.Begun.UTC().Format(time.RFC3339)
	if done.Before {
		_, err := fmt.Fprintf(out, "The identity of %s was already renewed (%s): nothing is left to do.\n", url, begun)
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "TENANT\tRECORDS SEALED\tSECRETS ENCRYPTED\tLEFT AS NOT AUTHENTIC")
	sealed, encrypted := 0, 0
	var left []store.LeftFile
	for _, tenant := range done.Tenants {
		_, _ = fmt.Fprintf(table, "%s\t%d\t%d\t%d\n", tenant.TenantID, tenant.Sealed, tenant.Encrypted, len(tenant.Left))
		sealed, encrypted, left = sealed+tenant.Sealed, encrypted+tenant.Encrypted, append(left, tenant.Left...)
	}
	_, _ = fmt.Fprintf(table, "all %d\t%d\t%d\t%d\n", len(done.Tenants), sealed, encrypted, len(left))
	if err := table.Flush(); err != nil {
		return err
	}
	if len(left) > 0 {
		_, _ = fmt.Fprintln(out, "\nLeft as not authentic. The provider uses nothing in these files:")
		for _, file := range left {
			_, _ = fmt.Fprintf(out, "  %s: %v\n", file.URL, file.Err)
		}
	}
	_, err := fmt.Fprintf(out, `
The identity of %s was renewed (begun %s).
  before  %s
  now     %s
Next: replace the passphrase wherever Terraform runs, and run terraform apply in every workspace, so that its state
remembers the new identity. Then rotate the certificates and client secrets that were in the store, since anyone
who had the old identity may have read them, and delete the old backups or lock them away.
`, url, begun, done.From, done.To)
	return err
}
