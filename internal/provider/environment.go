package provider

import (
	"errors"
	"runtime"
	"strings"
)

// secretVariables are the environment variables that hold a secret which this provider, Terraform's azurerm backend, or
// a pipeline reads. Variables that a managed identity needs (IDENTITY_HEADER, MSI_SECRET) are not among them: the
// libraries read them from the process, and the Azure CLI does, too.
var secretVariables = map[string]bool{
	"CODETWO_STORE_PASSPHRASE":          true,
	"CODETWO_STORE_NEW_PASSPHRASE":      true, // of the command store renew-identity
	"ARM_CLIENT_SECRET":                 true,
	"ARM_CLIENT_CERTIFICATE":            true, // a PFX in base64
	"ARM_CLIENT_CERTIFICATE_PASSWORD":   true,
	"ARM_OIDC_TOKEN":                    true,
	"ARM_OIDC_REQUEST_TOKEN":            true,
	"ARM_ACCESS_KEY":                    true,
	"ARM_SAS_TOKEN":                     true,
	"AZURE_CLIENT_SECRET":               true,
	"AZURE_CLIENT_CERTIFICATE_PASSWORD": true,
	"AZURE_PASSWORD":                    true,
	"ACTIONS_ID_TOKEN_REQUEST_TOKEN":    true, // GitHub Actions
	"SYSTEM_ACCESSTOKEN":                true, // Azure Pipelines
}

// secretPrefixes begin the names of variables any of which may hold a secret: Terraform's input variables, and its
// tokens for registries and HCP Terraform.
var secretPrefixes = []string{"TF_VAR_", "TF_TOKEN_"}

func holdsSecret(name string) bool {
	for _, prefix := range secretPrefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return secretVariables[name]
}

// TakeEnvironment returns a function that reads variables as they are in environment (NAME=value, see os.Environ), and
// removes those that hold secrets from the process: a child, such as the Azure CLI, inherits what the process has. Call
// it in a provider's own process, before it serves; each Configure then reads what was taken. The error joins those of
// unset. The operating system still shows the first environment, to the same user (/proc/<pid>/environ).
func TakeEnvironment(environment []string, unset func(name string) error) (func(name string) string, error) {
	taken := map[string]string{}
	var problems []error
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		key := variableKey(name)
		if _, twice := taken[key]; name == "" || twice { // Windows has some whose name begins with =
			continue
		}
		taken[key] = value
		if holdsSecret(key) {
			problems = append(problems, unset(name))
		}
	}
	return func(name string) string { return taken[variableKey(name)] }, errors.Join(problems...)
}

// variableKey is what a variable's name is compared by: Windows ignores case.
func variableKey(name string) string {
	if runtime.GOOS == "windows" {
		return strings.ToUpper(name)
	}
	return name
}
