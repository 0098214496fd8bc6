package connectivity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
)

var _ datasource.DataSourceWithConfigure = (*DataSource)(nil)

// readTimeout is how long the checks may take where the configuration does not say.
const readTimeout = 5 * time.Minute

// NewDataSource returns the data source codetwo_target_connectivity.
func NewDataSource() datasource.DataSource { return &DataSource{} }

// DataSource is codetwo_target_connectivity.
type DataSource struct{ services Services }

// Metadata names the data source.
func (d *DataSource) Metadata(
	_ context.Context, request datasource.MetadataRequest, response *datasource.MetadataResponse,
) {
	response.TypeName = request.ProviderTypeName + "_target_connectivity"
}

// Configure takes the provider's services.
func (d *DataSource) Configure(
	_ context.Context, request datasource.ConfigureRequest, response *datasource.ConfigureResponse,
) {
	if request.ProviderData == nil {
		return // validation, before the provider is configured
	}
	services, ok := request.ProviderData.(Services)
	if !ok {
		response.Diagnostics.AddError("Unexpected provider data", fmt.Sprintf("codetwo_target_connectivity was given %T. "+
			"This is a bug in the provider.", request.ProviderData))
		return
	}
	d.services = services
}

// Read makes the checks. Requests, all as the connection's app: the tenant's discovery document, one token for Graph
// and one for Exchange, GET /organization (Organization.Read.All), GET /users/{address} (User.Read.All), Autodiscover,
// and GetFolder for the inbox (full_access_as_app); where they are migrated, also GetUserSettings, and GetFolder for
// the public folders' root, with a FindFolder for each folder below which one of public_folder_paths is looked for. The
// provider's own sign-in is not used. Interrupted, it says what it knows.
func (d *DataSource) Read(ctx context.Context, request datasource.ReadRequest, response *datasource.ReadResponse) {
	var model Model
	response.Diagnostics.Append(request.Config.Get(ctx, &model)...)
	if response.Diagnostics.HasError() {
		return
	}
	var skip []string
	response.Diagnostics.Append(model.SkipChecks.ElementsAs(ctx, &skip, false)...)
	timeout, problems := model.Timeouts.Read(ctx, readTimeout)
	response.Diagnostics.Append(problems...)
	at, id := path.Root("connection_id"), model.ConnectionID.ValueString()
	if unknown := d.unknown(); len(unknown) > 0 {
		response.Diagnostics.AddAttributeError(at, "The connection cannot be checked yet", fmt.Sprintf(
			"The provider's %s is not known before apply, and a data source is read while planning. Set it to a value that "+
				"is known, such as a variable or the environment, or apply what it depends on first (-target).",
			strings.Join(unknown, ", ")))
	}
	if response.Diagnostics.HasError() {
		return
	}
	connections, err := d.services.Store()
	if err != nil {
		response.Diagnostics.AddAttributeError(at, "No connection store", err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	run := inspection{services: d.services, store: connections, retries: d.services.Retries(), facts: checks.Facts{
		Now: d.services.Now(), SkipChecks: skip, ConnectionID: id, Login: d.services.Endpoints().Login,
	}}
	run.retries.Reserve = reserve
	run.gather(ctx)
	report := checks.Judge(run.facts)
	if errors.Is(ctx.Err(), context.Canceled) {
		text, _ := render(report)
		response.Diagnostics.AddAttributeError(at, "The connectivity check was interrupted: "+id,
			"What was known by then:\n"+text)
		return
	}
	response.Diagnostics.Append(diagnostics(id, report, model.FailOnError.ValueBool())...)
	response.Diagnostics.Append(model.take(ctx, &run.facts, report)...)
	if !response.Diagnostics.HasError() {
		response.Diagnostics.Append(response.State.Set(ctx, &model)...)
	}
}

// unknown lists what the checks miss of the provider's configuration.
func (d *DataSource) unknown() []string {
	names := slices.Clone(d.services.UnknownCloud())
	if d.services.StoreUnknown() {
		names = append(names, "connection_store")
	}
	return names
}

// diagnostics tell what there is something to do about, once for all checks. What was skipped because of that, and
// warnings that nobody can act on, are in checks alone.
func diagnostics(id string, report checks.Report, failOnError bool) (told diag.Diagnostics) {
	text, remedies := render(report)
	at := path.Root("connection_id")
	switch {
	case report.Failed && failOnError:
		told.AddAttributeError(at, "The target connection does not work: "+id, text)
	case report.Failed:
		told.AddAttributeWarning(at, "The target connection does not work: "+id, text)
	case report.Inconclusive:
		told.AddAttributeWarning(at, "Could not determine whether the target connection works: "+id, text)
	case remedies:
		told.AddAttributeWarning(at, "The target connection works, with warnings: "+id, text)
	}
	return told
}

// render returns the report as text: the table, and below it what to do. remedies is false where that is nothing.
func render(report checks.Report) (text string, remedies bool) {
	var table, below strings.Builder
	for _, result := range report.Results {
		fmt.Fprintf(&table, "  %-15s %s\n", result.Name, result.Status)
		if result.Remedy == "" {
			continue
		}
		remedies = true
		fmt.Fprintf(&below, "\n%s: %s.\n%s\n", result.Name, strings.TrimSuffix(result.Detail, "."), commands(result.Remedy))
		if result.Script != "" {
			below.WriteString("The script is on the connection's hand-off sheet (handoff_url), and in the remedy of this " +
				"check (checks).\n")
		}
		if result.Support != "" {
			fmt.Fprintf(&below, "%s\n", result.Support)
		}
	}
	return table.String() + below.String(), remedies
}

// commands indents a remedy of several lines, because Terraform breaks lines that are not: a command would no longer
// be fit for copying.
func commands(remedy string) string {
	if !strings.Contains(remedy, "\n") {
		return remedy
	}
	lines := strings.Split(remedy, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight("  "+line, " ")
	}
	return strings.Join(lines, "\n")
}
