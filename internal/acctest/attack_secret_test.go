package acctest_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestAccTargetConnection_ASecretThatAWriterExchangedIsDrift(t *testing.T) {
	a := newAttack(t)
	person := newIdentity(t)
	a.apply(fmt.Sprintf(`resource "codetwo_target_connection" "target" {
  tenant_id = %q
  mailbox   = %q
  client_id = "11111111-2222-3333-4444-555555555555"
  client_secret_wo = "the~secret.of-the-operator"
  client_secret_wo_version = 1
  %s
}
`, a.tenant.TenantID, a.mailbox(), shared(person)))
	a.plant(encryptTo(t, "a text of the writer's", person.Recipient()), "connections", a.mailbox()+".secret.age")
	output, err := a.run("plan", "-detailed-exitcode")
	if err == nil || strings.Contains(output, "No changes") {
		t.Errorf("the plan: %v: %s", err, output)
	}
}
