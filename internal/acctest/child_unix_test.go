//go:build unix

package acctest_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

func TestProvider_TheAzureCLIInheritsNoSecretAndAllElse(t *testing.T) {
	folder := t.TempDir()
	config, err := terraformcli.Install(t.Context(), filepath.Join("..", ".."), folder)
	if err != nil {
		t.Fatal(err)
	}
	seen := filepath.Join(folder, "environment")
	bin := filepath.Join(folder, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(bin, "az"), []byte("#!/bin/sh\nenv >'"+seen+"'\necho 'Please run az login' >&2\nexit 1\n"))
	if err := os.Chmod(filepath.Join(bin, "az"), 0o700); err != nil {
		t.Fatal(err)
	}

	const secret = "never-for-a-child"
	kept := []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + folder, "HTTPS_PROXY=http://127.0.0.1:9",
		"AZURE_CONFIG_DIR=" + filepath.Join(folder, "azure"), "CODETWO_STORE_URL=file://" + folder + "/store"}
	secrets := []string{"CODETWO_STORE_PASSPHRASE", "ARM_OIDC_TOKEN", "ARM_OIDC_REQUEST_TOKEN", "ARM_ACCESS_KEY",
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN", "TF_VAR_secret", "TF_TOKEN_example_com"}
	cli := &terraformcli.CLI{Path: os.Getenv("TF_ACC_TERRAFORM_PATH"), Folder: filepath.Join(folder, "work"),
		Environment: terraformcli.Environment(config, kept...)}
	for _, name := range secrets {
		cli.Environment = append(cli.Environment, name+"="+secret)
	}
	if err := os.Mkdir(cli.Folder, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(cli.Folder, "main.tf"), []byte(requirement+`
variable "secret" {
  type = string
}

data "codetwo_target_app_registrations" "all" {
  tenant_id = "aaaaaaaa-1111-4111-8111-111111111111"
}
`))
	must(t, cli, "init", "-input=false")
	// The CLI was asked only if the provider got as far as that, with a passphrase that it accepts.
	if _, err := cli.Run(t.Context(), "plan", "-no-color", "-input=false"); err == nil ||
		!strings.Contains(err.Error(), "Please run az login") {
		t.Fatalf("the Azure CLI is not what the plan failed of: %v", err)
	}
	content, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	inherited := strings.Split(string(content), "\n")
	for _, variable := range kept {
		if !slices.Contains(inherited, variable) {
			t.Errorf("the Azure CLI lacks %s", variable)
		}
	}
	for _, variable := range inherited {
		name, value, _ := strings.Cut(variable, "=")
		if slices.Contains(secrets, name) || strings.HasPrefix(name, "TF_VAR_") || strings.Contains(value, secret) {
			t.Errorf("the Azure CLI inherits %s", name)
		}
	}
}
