package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// subject is one way to do the work: a configuration, and the providers that carry it out.
type subject struct {
	name        string
	config      string // the CLI configuration, which installs the providers
	providers   string // the folder that their binaries lie below
	environment func(s *sandbox.Server, caPath, tenantsPath string) []sandbox.Variable
	// writes the configuration for the first so many tenants
	configure  func(ctx context.Context, b *bench, tenants int, connectivity bool) error
	operations func(b *bench) []operation
	idle       []byte // a configuration that makes the processes start and reaches no tenant, where there is such a one
}

// operation is one command of the CLI, after something that people did.
type operation struct {
	name         string
	command      string // plan, apply or destroy
	connectivity bool   // the configuration checks connectivity, too
	before       func(context.Context) error
	own          work
}

const codetwo = "codetwo"

var (
	//go:embed main.tf.txt
	configuration []byte
	//go:embed idle.tf.txt
	idleConfiguration []byte
)

// ourselves is this provider, with one block for all tenants.
func ourselves(config, providers string) subject {
	return subject{
		name: codetwo, config: config, providers: providers, idle: idleConfiguration,
		environment: (*sandbox.Server).Environment,
		configure: func(_ context.Context, b *bench, tenants int, connectivity bool) error {
			type target struct {
				Mailbox string `json:"mailbox"`
			}
			named := map[string]target{}
			for _, tenant := range b.server.TenantsJSON().Tenants[:tenants] {
				named[tenant.TenantID] = target{tenant.Mailboxes.Licensed[0]}
			}
			variables, err := json.Marshal(map[string]any{"tenants": named, "connectivity": connectivity})
			if err != nil {
				return err
			}
			return b.write(map[string][]byte{"main.tf": configuration, "terraform.tfvars.json": variables})
		},
		operations: func(b *bench) []operation {
			return []operation{
				{name: "create", command: "apply", own: work{keys: b.tenants, unlocks: 1, objects: 2, kind: creating}},
				{name: "no-change plan", command: "plan", own: work{objects: 2, kind: planning}},
				{name: "drift repair", command: "apply", before: b.revokeConsent, own: work{objects: 2, kind: updating}},
				{name: "connectivity", command: "apply", connectivity: true, before: b.openGate,
					own: work{unlocks: 1, objects: 3, kind: planning}},
				{name: "no-change plan, connectivity", command: "plan", connectivity: true,
					own: work{unlocks: 1, objects: 3, kind: planning}},
				{name: "destroy", command: "destroy", own: work{objects: 2, kind: destroying}},
			}
		},
	}
}

// competitorProviders are what registers an application with a certificate today.
var competitorProviders = []string{"azuread", "tls", "local"}

// competitorObjects are the resources and data sources of competitor/tenant.tf.txt: those with for_each count twice.
const competitorObjects = 10

//go:embed competitor
var competitorConfiguration embed.FS

// competitors do the same with HashiCorp's providers: a block for each tenant, and ten resources and data sources in
// it. missing are the providers that the mirror lacks; there is no competitor then.
func competitors(mirror, folder string) (competitor subject, missing []string, err error) {
	for _, provider := range competitorProviders {
		found, err := filepath.Glob(filepath.Join(mirror, "*", "hashicorp", provider))
		if err != nil {
			return competitor, nil, fmt.Errorf("-mirror: %w", err)
		}
		if len(found) == 0 {
			missing = append(missing, "hashicorp/"+provider)
		}
	}
	if len(missing) > 0 {
		return competitor, missing, nil
	}
	if mirror, err = filepath.EvalSymlinks(mirror); err == nil {
		mirror, err = filepath.Abs(mirror)
	}
	if err != nil {
		return competitor, nil, fmt.Errorf("-mirror: %w", err)
	}
	config := filepath.Join(folder, "competitor.tfrc")
	text := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n",
		filepath.ToSlash(mirror))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return competitor, nil, err
	}
	return subject{
		name: "azuread + tls + local", config: config, providers: mirror,
		environment: (*sandbox.Server).InteropEnvironment,
		configure: func(ctx context.Context, b *bench, tenants int, _ bool) error {
			return configureCompetitor(ctx, b, tenants)
		},
		operations: func(b *bench) []operation {
			return []operation{
				{name: "create", command: "apply", own: work{keys: b.tenants, objects: competitorObjects, kind: creating}},
				{name: "no-change plan", command: "plan", own: work{objects: competitorObjects, kind: planning}},
				{name: "drift repair", command: "apply", before: b.revokeConsent,
					own: work{objects: competitorObjects, kind: updating}},
				{name: "destroy", command: "destroy", own: work{objects: competitorObjects, kind: destroying}},
			}
		},
	}, nil, nil
}

func configureCompetitor(ctx context.Context, b *bench, tenants int) error {
	var ids []string
	for _, tenant := range b.server.TenantsJSON().Tenants[:tenants] {
		ids = append(ids, tenant.TenantID)
	}
	main, err := competitorMain(ids)
	if err != nil {
		return err
	}
	module, err := competitorConfiguration.ReadFile("competitor/tenant.tf.txt")
	if err != nil {
		return err
	}
	if err := b.write(map[string][]byte{"main.tf": main, "tenant/main.tf": module}); err != nil || tenants == 0 {
		return err
	}
	_, err = b.cli.Run(ctx, "get", "-no-color")
	return err
}

// competitorMain writes what cannot be repeated by for_each: a provider block for each tenant, and the module that uses
// it.
func competitorMain(tenantIDs []string) ([]byte, error) {
	parsed, err := template.ParseFS(competitorConfiguration, "competitor/main.tf.tmpl")
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = parsed.Execute(&text, tenantIDs)
	return text.Bytes(), err
}

// impliedMirror is where Terraform looks for providers before it asks a registry.
func impliedMirror() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".terraform.d", "plugins")
}

// write writes files into the CLI's folder.
func (b *bench) write(files map[string][]byte) error {
	for name, content := range files {
		path := filepath.Join(b.cli.Folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
