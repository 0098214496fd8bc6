package provider

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestTheSecretsLeaveTheEnvironmentAndCanStillBeRead(t *testing.T) {
	t.Parallel()
	secrets := []string{
		"CODETWO_STORE_PASSPHRASE", "CODETWO_STORE_NEW_PASSPHRASE", "ARM_CLIENT_SECRET", "ARM_CLIENT_CERTIFICATE",
		"ARM_CLIENT_CERTIFICATE_PASSWORD",
		"ARM_OIDC_TOKEN", "ARM_OIDC_REQUEST_TOKEN", "ARM_ACCESS_KEY", "ARM_SAS_TOKEN", "AZURE_CLIENT_SECRET",
		"AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN",
		"TF_VAR_secret", "TF_VAR_anything", "TF_TOKEN_app_terraform_io",
	}
	others := []string{
		"PATH", "HOME", "HTTPS_PROXY", "AZURE_CONFIG_DIR", "ARM_CLIENT_ID", "ARM_CLIENT_SECRET_FILE_PATH",
		"ARM_OIDC_TOKEN_FILE_PATH", "AZURE_FEDERATED_TOKEN_FILE", "IDENTITY_HEADER", "TF_PLUGIN_MAGIC_COOKIE",
		"PLUGIN_CLIENT_CERT", "TF_LOG", "TF_VARIABLE", "",
	}
	var environment, removed []string
	for _, name := range slices.Concat(secrets, others) {
		environment = append(environment, name+"=value=of "+name)
	}
	getenv, err := TakeEnvironment(environment, func(name string) error {
		removed = append(removed, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Sort(removed); !slices.Equal(removed, slices.Sorted(slices.Values(secrets))) {
		t.Errorf("these are removed: %q", removed)
	}
	for _, name := range slices.Concat(secrets, others) {
		if name != "" && getenv(name) != "value=of "+name {
			t.Errorf("%s is read as %q", name, getenv(name))
		}
	}
	if got := getenv("NOT_SET"); got != "" {
		t.Errorf("a variable that is not set is %q", got)
	}
}

func TestASecretThatCannotBeRemovedIsReportedByItsName(t *testing.T) {
	t.Parallel()
	_, err := TakeEnvironment([]string{"ARM_CLIENT_SECRET=" + secret1}, func(name string) error {
		return errors.New("cannot remove " + name)
	})
	if err == nil || !strings.Contains(err.Error(), "ARM_CLIENT_SECRET") || strings.Contains(err.Error(), secret1) {
		t.Errorf("the error is %v", err)
	}
}

// TestEverySecretThatIsReadIsRemoved records what the settings ask for, so that a new secret among them is not
// forgotten.
func TestEverySecretThatIsReadIsRemoved(t *testing.T) {
	t.Parallel()
	asked := map[string]bool{}
	p := newProvider(nil)
	p.getenv = func(name string) string {
		asked[name] = true
		return ""
	}
	configure(t, p, nil)
	met := 0
	for name := range asked {
		// A path, a URL, or a file's name is not a secret.
		if strings.HasSuffix(name, "_PATH") || strings.HasSuffix(name, "_FILE") || strings.HasSuffix(name, "_URL") {
			continue
		}
		for _, word := range []string{"SECRET", "PASSWORD", "PASSPHRASE", "TOKEN", "CERTIFICATE", "KEY"} {
			if strings.Contains(name, word) {
				met++
				if !holdsSecret(name) {
					t.Errorf("%s may hold a secret, and a child process would inherit it", name)
				}
				break
			}
		}
	}
	if met < 9 {
		t.Errorf("the settings ask for %d secrets only: %v", met, asked)
	}
}
