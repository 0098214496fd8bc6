package acctest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

// TestAccTargetConnection_OfSeveralTerraformsThatCreateOneOneSucceedsAndTheOthersCanPasteTheImport has several people
// plan the same connection, each in a configuration of their own, and then apply what they planned at the same time.
func TestAccTargetConnection_OfSeveralTerraformsThatCreateOneOneSucceedsAndTheOthersCanPasteTheImport(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	mailbox := env.Tenant(0).Mailboxes.Licensed[0]
	id := strings.ToLower(env.Tenant(0).TenantID + "/" + mailbox)
	first := env.CLI("CODETWO_STORE_URL="+env.StoreURL(), "CODETWO_STORE_PASSPHRASE="+acctest.Passphrase)
	people := make([]*terraformcli.CLI, 5)
	for i := range people {
		spelled := mailbox
		if i%2 == 1 {
			spelled = strings.ToUpper(mailbox)
		}
		people[i] = &terraformcli.CLI{Path: first.Path, Folder: filepath.Join(first.Folder, fmt.Sprint(i)),
			Environment: first.Environment}
		if err := os.Mkdir(people[i].Folder, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(people[i].Folder, "main.tf"), fmt.Appendf(nil, `
terraform {
  required_providers {
    codetwo = { source = "codetwo-community/codetwo" }
  }
}

resource "codetwo_target_connection" "target" {
  tenant_id              = %q
  mailbox                = %q
  name                   = "person-%d"
  client_id              = "11111111-2222-3333-4444-555555555555"
  certificate_thumbprint = "A1B2C3D4E5F60718293A4B5C6D7E8F9001122334"
}
`, env.Tenant(0).TenantID, spelled, i))
		for _, arguments := range [][]string{{"init", "-no-color", "-input=false"},
			{"plan", "-no-color", "-input=false", "-out=saved.tfplan"}} {
			if _, err := people[i].Run(t.Context(), arguments...); err != nil {
				t.Fatal(err)
			}
		}
	}

	var wait sync.WaitGroup
	outputs, failures := make([]string, len(people)), make([]error, len(people))
	for i, person := range people {
		wait.Go(func() {
			outputs[i], failures[i] = person.Run(t.Context(), "apply", "-no-color", "-input=false", "saved.tfplan")
		})
	}
	wait.Wait()
	winner := slices.Index(failures, nil)
	if winner < 0 {
		t.Fatalf("nobody succeeded:\n%s", strings.Join(outputs, "\n"))
	}
	if second := slices.Index(failures[winner+1:], nil); second >= 0 {
		t.Errorf("both person %d and person %d succeeded", winner, winner+1+second)
	}
	block := regexp.MustCompile(`import \{\n  *to = codetwo_target_connection\.<name>\n  *id = "(.+)"\n *\}`)
	for i, person := range people {
		if i == winner {
			continue
		}
		said := strings.NewReplacer("│", "", "╷", "", "╵", "").Replace(outputs[i])
		pasted := block.FindStringSubmatch(said)
		if !strings.Contains(said, fmt.Sprintf("\"person-%d\"", winner)) || pasted == nil || pasted[1] != id {
			t.Errorf("person %d won, and person %d is told:\n%s", winner, i, outputs[i])
			continue
		}
		write(t, filepath.Join(person.Folder, "import.tf"), []byte(strings.Replace(pasted[0], "<name>", "target", 1)+"\n"))
		if plan, err := person.Run(t.Context(), "plan", "-no-color", "-input=false"); err != nil ||
			!strings.Contains(plan, "1 to import, 0 to add, 1 to change, 0 to destroy") {
			t.Errorf("person %d pasted the import: %v\n%s", i, err, plan)
		}
	}
}
