package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// migrate runs the migration program, with nothing but the hand-off and the passphrase. What it migrates stays.
func (d *demo) migrate(ctx context.Context) error {
	say("The migration server: a program opens the hand-off, signs in as the app, and migrates over EWS")
	sheets, err := filepath.Glob(filepath.Join(d.store, d.tenant.ID, "handoff", "*.html"))
	if err != nil {
		return err
	}
	if len(sheets) != 1 {
		return fmt.Errorf("the store holds %d hand-off sheets, expected one", len(sheets))
	}
	program := exec.CommandContext(ctx, "node", d.migration, "--keep", "--into", d.tenant.Mailboxes.Licensed[1], sheets[0])
	// The identity that runs Terraform is not in there.
	program.Env = append(slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "ARM_") || strings.HasPrefix(variable, "CODETWO_")
	}), "CODETWO_STORE_PASSPHRASE="+passphrase, "NODE_EXTRA_CA_CERTS="+d.tenant.authority,
		"CODETWO_LOGIN_ENDPOINT="+d.tenant.origin, "CODETWO_GRAPH_ENDPOINT="+d.tenant.origin,
		"CODETWO_EXCHANGE_ENDPOINT="+d.tenant.origin)
	said, err := program.CombinedOutput()
	fmt.Println(indent(string(said), "  "))
	if exited := (*exec.ExitError)(nil); errors.As(err, &exited) {
		return errors.New("the migration did not come to its end")
	}
	return err
}

// arrived shows the messages in the tenant.
func (d *demo) arrived(ctx context.Context) error {
	say("What arrived, as the tenant has it: the app is gone, and the messages stay")
	state, err := d.tenant.state(ctx)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, mailbox := range state.Mailboxes {
		for _, folder := range mailbox.Folders {
			for _, item := range folder.Items {
				rows = append(rows, []string{mailbox.Address, folder.Path, item.Subject, fmt.Sprintf("%d bytes", item.Size)})
			}
		}
	}
	table([]string{"MAILBOX", "FOLDER", "MESSAGE", "SIZE"}, rows)
	// one in the dedicated mailbox, in a user's, below the root public folder, and below that of public_folder_paths
	if len(rows) != 4 {
		return fmt.Errorf("%d messages arrived, expected 4", len(rows))
	}
	return nil
}
