package connection

import (
	"fmt"
	"testing"

	tf "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/expect"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
)

const (
	asAES256 = `certificate_pfx_encryption = "aes256"`
	asLegacy = `certificate_pfx_encryption = "legacy"`
)

// packed is a check that the store's PFX is encrypted that way, and opens.
func (env *env) packed(want certificate.Encryption) tf.TestCheckFunc {
	return func(state *terraform.State) error {
		got, err := env.open().PFXEncryption(env.t.Context(), tenantID, certificate.Thumbprint(pair().Certificate))
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("the PFX is encrypted with %s", got)
		}
		return env.opens(state)
	}
}

func TestAccTargetConnection_PFXIsPackedForWindowsServer2016WhereverItsKeyCameFrom(t *testing.T) {
	t.Parallel()
	empty := before(plancheck.ExpectEmptyPlan())
	update := before(planned(plancheck.ResourceActionUpdate))

	env := newEnv(t)
	_, attributes := env.pfx(pair())
	with := func(more ...string) string { return connection(append(append([]string{}, attributes...), more...)...) }
	env.play(
		tf.TestStep{Config: with(asLegacy), Check: env.packed(certificate.Legacy)},
		tf.TestStep{Config: with(asLegacy), ConfigPlanChecks: empty},
		tf.TestStep{Config: with(asAES256), ConfigPlanChecks: update, Check: env.packed(certificate.AES256)},
		tf.TestStep{Config: with(), Check: env.packed(certificate.AES256)},
		tf.TestStep{Config: with(asLegacy), Check: env.packed(certificate.Legacy)},
		tf.TestStep{Config: with(), Check: env.packed(certificate.Legacy)}, // nothing is asked, and it stays
		tf.TestStep{Config: with(asLegacy)},
		tf.TestStep{ // somebody else packed it again
			PreConfig: func() {
				env.must(env.open().Repack(t.Context(), tenantID, certificate.Thumbprint(pair().Certificate), certificate.AES256,
					today))
			},
			Config: with(asLegacy), ConfigPlanChecks: update, Check: env.packed(certificate.Legacy),
		},
	)

	env = newEnv(t) // an app registration made the key
	env.must(env.open().SaveCertificate(t.Context(), tenantID, pair(), certificate.AES256, today))
	named := fmt.Sprintf("certificate_thumbprint = %q", certificate.Thumbprint(pair().Certificate))
	locked := func() { env.passphrase = "" }
	env.play(
		tf.TestStep{Config: connection(named, asLegacy), Check: env.packed(certificate.Legacy)},
		tf.TestStep{PreConfig: locked, Config: connection(named, asLegacy), ConfigPlanChecks: empty},
		tf.TestStep{Config: connection(named, asAES256), PlanOnly: true,
			ExpectError: expect.Error("The connection store cannot be written", "CODETWO_STORE_PASSPHRASE")},
	)

	env = newEnv(t) // the key is where CodeTwo runs, and comes into the store later
	env.play(
		tf.TestStep{Config: connection(named, asLegacy)},
		tf.TestStep{Config: connection(named, asLegacy), ConfigPlanChecks: empty},
		tf.TestStep{
			PreConfig: func() { env.must(env.open().SaveCertificate(t.Context(), tenantID, pair(), certificate.AES256, today)) },
			Config:    connection(named, asLegacy), ConfigPlanChecks: update, Check: env.packed(certificate.Legacy),
		},
	)
}

func TestAccTargetConnection_PFXEncryptionIsOneOfTwoAndNeedsACertificate(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	for config, want := range map[string]string{
		connection(byThumbprint, `certificate_pfx_encryption = "3des"`): `value must be one of: ["aes256" "legacy"]`,
		connection(append(bySecret(secret, 1),
			asLegacy)...): `"certificate_thumbprint" must be specified when "certificate_pfx_encryption"`,
	} {
		env.play(tf.TestStep{Config: config, PlanOnly: true, ExpectError: expect.Error(want)})
	}
}
