// Command demo runs a complete onboarding with the real CLI against a sandbox tenant, from plan through connectivity
// check and hand-off to destroy. With -migration it runs a migration program from the hand-off, and ends with what
// arrived in the tenant. It stops at the first result that differs from what it expects.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cli := flag.String("cli", "terraform", "`path` of the Terraform or OpenTofu CLI")
	out := flag.String("out", filepath.Join(".cache", "demo"), "`folder` to leave plan, tables and hand-off sheet in")
	migration := flag.String("migration", "", "`path` of a Node program that migrates from the hand-off")
	flag.Parse()
	started := time.Now()
	if err := run(ctx, *cli, *out, *migration); err != nil {
		fmt.Fprintf(os.Stderr, "\n✗ %v\n", err)
		os.Exit(1)
	}
	fmt.Printf("\nDone in %s.\n", time.Since(started).Round(time.Second))
}

// run plays every step. What it leaves is in out; the working folder with state and store goes away.
func run(ctx context.Context, cli, out, migration string) (err error) {
	out, err = filepath.Abs(out)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o700); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "codetwo-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()

	say("Building the provider and the sandbox")
	config, err := terraformcli.Install(ctx, ".", work)
	if err != nil {
		return err
	}
	if err := terraformcli.Build(ctx, ".", "./internal/cmd/sandbox", sandboxPath(work)); err != nil {
		return err
	}
	say("Starting a sandbox tenant: sign-in, Microsoft Graph and Exchange on this machine")
	tenant, err := startSandbox(work)
	if err != nil {
		return err
	}
	defer tenant.stop()
	fmt.Printf("  %s (%s), tenant ID %s\n", tenant.DisplayName, tenant.Domain, tenant.ID)

	d := &demo{out: out, tenant: tenant, store: filepath.Join(work, "store"), migration: migration}
	if d.terraform, err = onboarding(ctx, cli, config, work, tenant, d.store, migration != ""); err != nil {
		return err
	}
	for _, step := range d.steps() {
		if err := step(ctx); err != nil {
			return err
		}
	}
	fmt.Printf("\nLeft for you to look at, in %s:\n", out)
	return list(os.Stdout, out, "  ")
}

// demo is the state of one play.
type demo struct {
	out       string // what stays
	store     string // the connection store's folder
	tenant    *sandboxTenant
	terraform *terraformcli.CLI
	migration string // path of the migration program; empty: none runs
	clientID  string
}

// steps are what is played, in order.
func (d *demo) steps() []func(context.Context) error {
	if d.migration != "" {
		return []func(context.Context) error{d.review, d.register, d.verify, d.handOver, d.migrate, d.cleanUp, d.arrived}
	}
	return []func(context.Context) error{d.review, d.register, d.verify, d.closeEWS, d.openEWS, d.settle, d.handOver,
		d.cleanUp}
}

var steps int

// say announces a step.
func say(step string) {
	steps++
	fmt.Printf("\n%d. %s\n", steps, step)
}

// review plans, and shows each permission before anything exists.
func (d *demo) review(ctx context.Context) error {
	say("terraform plan: what would be registered and granted, for review")
	if _, err := d.terraform.Run(ctx, "plan", "-no-color", "-input=false", "-out=plan.tfplan"); err != nil {
		return err
	}
	text, err := d.terraform.Run(ctx, "show", "-no-color", "plan.tfplan")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.out, "plan.txt"), []byte(text), 0o600); err != nil {
		return err
	}
	permissions, err := d.plannedPermissions(ctx, "plan.tfplan")
	if err != nil {
		return err
	}
	if len(permissions) != 2 {
		return fmt.Errorf("the plan holds %d permissions, expected the profile's 2", len(permissions))
	}
	var rows [][]string
	for _, permission := range permissions {
		rows = append(rows, []string{permission.Name, permission.Risk, permission.Purpose})
		if !strings.Contains(text, permission.Purpose) {
			return fmt.Errorf("the plan's text does not show the purpose of %s", permission.Name)
		}
	}
	table([]string{"PERMISSION", "RISK", "PURPOSE"}, rows)
	return nil
}

// register applies exactly the plan that was reviewed.
func (d *demo) register(ctx context.Context) error {
	say("terraform apply: the plan that was reviewed, nothing else")
	if _, err := d.terraform.Run(ctx, "apply", "-no-color", "-input=false", "plan.tfplan"); err != nil {
		return err
	}
	state, err := d.tenant.state(ctx)
	if err != nil {
		return err
	}
	if len(state.Applications) != 1 {
		return fmt.Errorf("the tenant holds %d applications, expected one", len(state.Applications))
	}
	d.clientID = state.Applications[0].ClientID
	fmt.Printf("  The tenant has %q, client ID %s, with %d permissions consented.\n", state.Applications[0].DisplayName,
		d.clientID, state.grantsOf(d.clientID))
	return nil
}

// verify shows the connectivity table of a tenant that Microsoft has not closed yet: every app gets in.
func (d *demo) verify(ctx context.Context) error {
	say("Connectivity, as CodeTwo would find it: EwsEnabled is unset, so EWS is open to every application")
	checks, err := d.checks(ctx, "connectivity-open.txt")
	if err != nil {
		return err
	}
	if failed := failing(checks); len(failed) > 0 {
		return fmt.Errorf("in an open tenant there fail %s", strings.Join(failed, ", "))
	}
	return nil
}

// closeEWS plays Microsoft's second wave, and shows what the check says and advises then.
func (d *demo) closeEWS(ctx context.Context) error {
	say("Microsoft blocks EWS in the tenant: it lists what used EWS in the last 60 days, and sets EwsEnabled to False; " +
		"the same table")
	if err := d.tenant.playWave(ctx); err != nil {
		return err
	}
	if err := d.apply(ctx); err != nil {
		return err
	}
	checks, err := d.checks(ctx, "connectivity-closed.txt")
	if err != nil {
		return err
	}
	if failed := failing(checks); len(failed) != 1 || failed[0] != "ews" {
		return fmt.Errorf("in a closed tenant there fail %q, expected ews alone", failed)
	}
	at := slices.IndexFunc(checks, func(one check) bool { return one.Name == "ews" })
	_, script, found := strings.Cut(checks[at].Remedy, "\n\n")
	if !found || !strings.Contains(script, d.clientID) {
		return fmt.Errorf("the remedy of ews has no script for the app %s", d.clientID)
	}
	return os.WriteFile(filepath.Join(d.out, "ews.ps1"), []byte(script), 0o600)
}

// openEWS plays the Exchange administrator who follows the remedy, and checks again.
func (d *demo) openEWS(ctx context.Context) error {
	say("The Exchange administrator does what the script does: the list first, then EwsEnabled; the same table")
	list, err := d.tenant.allowEWS(ctx, d.clientID)
	if err != nil {
		return err
	}
	fmt.Printf("  EwsEnabled = True, EwsAllowedAppIDs = %s\n", strings.Join(list, ", "))
	if err := d.apply(ctx); err != nil {
		return err
	}
	checks, err := d.checks(ctx, "connectivity-listed.txt")
	if err != nil {
		return err
	}
	if failed := failing(checks); len(failed) > 0 {
		return fmt.Errorf("with an entry on the list there fail %s", strings.Join(failed, ", "))
	}
	return nil
}

func (d *demo) apply(ctx context.Context) error {
	_, err := d.terraform.Run(ctx, "apply", "-no-color", "-input=false", "-auto-approve")
	return err
}

// failing are the names of the checks that failed.
func failing(checks []check) []string {
	var names []string
	for _, one := range checks {
		if one.Status == "failed" {
			names = append(names, one.Name)
		}
	}
	return names
}

// checks reads the table from Terraform's state, prints it, and leaves it in a file.
func (d *demo) checks(ctx context.Context, file string) ([]check, error) {
	checks, err := d.connectivity(ctx)
	if err != nil {
		return nil, err
	}
	if len(checks) == 0 {
		return nil, fmt.Errorf("the connectivity table is empty")
	}
	stays, err := os.OpenFile(filepath.Join(d.out, file), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	printChecks(io.MultiWriter(os.Stdout, stays), checks)
	return checks, stays.Close()
}

// settle proves that a second plan finds nothing to do.
func (d *demo) settle(ctx context.Context) error {
	say("terraform plan, again: nothing to do")
	text, changes, err := d.terraform.PlanChanges(ctx)
	if err != nil {
		return err
	}
	if changes {
		return fmt.Errorf("the second plan is not empty:\n%s", text)
	}
	fmt.Println("  No changes.")
	return nil
}

// handOver shows what the store holds, and leaves the sheet.
func (d *demo) handOver(ctx context.Context) error {
	say("The connection store, and the sheet for the person at the migration server")
	if err := list(os.Stdout, d.store, "  "); err != nil {
		return err
	}
	sheets, err := filepath.Glob(filepath.Join(d.store, d.tenant.ID, "handoff", "*"))
	if err != nil {
		return err
	}
	if len(sheets) != 2 {
		return fmt.Errorf("the store holds %d hand-off files, expected a sheet and a script", len(sheets))
	}
	for _, sheet := range sheets {
		content, err := os.ReadFile(sheet)
		if err != nil {
			return err
		}
		if !strings.Contains(string(content), d.clientID) && strings.HasSuffix(sheet, ".html") {
			return fmt.Errorf("the sheet %s does not name the client ID %s", sheet, d.clientID)
		}
		if err := os.WriteFile(filepath.Join(d.out, filepath.Base(sheet)), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// cleanUp destroys, and looks for anything left.
func (d *demo) cleanUp(ctx context.Context) error {
	say("terraform destroy: the migration is over")
	if _, err := d.terraform.Run(ctx, "destroy", "-no-color", "-input=false", "-auto-approve"); err != nil {
		return err
	}
	state, err := d.tenant.state(ctx)
	if err != nil {
		return err
	}
	left := slices.ContainsFunc(state.ServicePrincipals, func(principal object) bool {
		return principal.ClientID == d.clientID
	})
	if len(state.Applications) > 0 || left || state.grantsOf(d.clientID) > 0 {
		return fmt.Errorf("the tenant still holds %d applications, service principal of the app: %v, %d grants",
			len(state.Applications), left, state.grantsOf(d.clientID))
	}
	var leftovers []string
	for _, pattern := range []string{"connections/*", "certificates/*", "registrations/*", "handoff/*"} {
		found, err := filepath.Glob(filepath.Join(d.store, d.tenant.ID, pattern))
		if err != nil {
			return err
		}
		leftovers = append(leftovers, found...)
	}
	if len(leftovers) > 0 {
		return fmt.Errorf("the store still holds %s", strings.Join(leftovers, ", "))
	}
	fmt.Println("  The tenant holds neither the app nor its service principal; the store holds no connection and no key.")
	return nil
}
