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
func (k *kitchen) packed(want certificate.Encryption) tf.TestCheckFunc {
	return func(state *terraform.State) error {
		got, err := k.open().PFXEncryption(k.t.Context(), tenantID, certificate.Thumbprint(pair().Certificate))
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("the PFX is encrypted with %s", got)
		}
		return k.opens(state)
	}
}

func TestAccTargetConnection_PFXIsPackedForWindowsServer2016WhereverItsKeyCameFrom(t *testing.T) {
	t.Parallel()
	empty := before(plancheck.ExpectEmptyPlan())
	update := before(planned(plancheck.ResourceActionUpdate))

	k := newKitchen(t)
	_, attributes := k.pfx(pair())
	with := func(more ...string) string { return connection(append(append([]string{}, attributes...), more...)...) }
	k.play(
		tf.TestStep{Config: with(asLegacy), Check: k.packed(certificate.Legacy)},
		tf.TestStep{Config: with(asLegacy), ConfigPlanChecks: empty},
		tf.TestStep{Config: with(asAES256), ConfigPlanChecks: update, Check: k.packed(certificate.AES256)},
		tf.TestStep{Config: with(), Check: k.packed(certificate.AES256)},
		tf.TestStep{Config: with(asLegacy), Check: k.packed(certificate.Legacy)},
		tf.TestStep{Config: with(), Check: k.packed(certificate.Legacy)}, // nothing is asked, and it stays
		tf.TestStep{Config: with(asLegacy)},
		tf.TestStep{ // somebody else packed it anew
			PreConfig: func() {
				k.must(k.open().Repack(t.Context(), tenantID, certificate.Thumbprint(pair().Certificate), certificate.AES256))
			},
			Config: with(asLegacy), ConfigPlanChecks: update, Check: k.packed(certificate.Legacy),
		},
	)

	k = newKitchen(t) // an app registration made the key
	k.must(k.open().SaveCertificate(t.Context(), tenantID, pair(), certificate.AES256, nil))
	named := fmt.Sprintf("certificate_thumbprint = %q", certificate.Thumbprint(pair().Certificate))
	locked := func() { k.passphrase = "" }
	k.play(
		tf.TestStep{Config: connection(named, asLegacy), Check: k.packed(certificate.Legacy)},
		tf.TestStep{PreConfig: locked, Config: connection(named, asLegacy), ConfigPlanChecks: empty},
		tf.TestStep{Config: connection(named, asAES256), PlanOnly: true, ExpectError: expect.Error("The passphrase is needed", "encrypted in another way")},
	)

	k = newKitchen(t) // the key is where CodeTwo runs, and comes into the store later
	k.play(
		tf.TestStep{Config: connection(named, asLegacy)},
		tf.TestStep{Config: connection(named, asLegacy), ConfigPlanChecks: empty},
		tf.TestStep{
			PreConfig: func() { k.must(k.open().SaveCertificate(t.Context(), tenantID, pair(), certificate.AES256, nil)) },
			Config:    connection(named, asLegacy), ConfigPlanChecks: update, Check: k.packed(certificate.Legacy),
		},
	)
}

func TestAccTargetConnection_PFXEncryptionIsOneOfTwoAndNeedsACertificate(t *testing.T) {
	t.Parallel()
	k := newKitchen(t)
	for config, want := range map[string]string{
		connection(byThumbprint, `certificate_pfx_encryption = "3des"`): `value must be one of: ["aes256" "legacy"]`,
		connection(append(bySecret(secret, 1), asLegacy)...):            `"certificate_thumbprint" must be specified when "certificate_pfx_encryption"`,
	} {
		k.play(tf.TestStep{Config: config, PlanOnly: true, ExpectError: expect.Error(want)})
	}
}
