package provider

import (
	"context"
	"net/http"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// graphDirectory reads and writes directories through Microsoft Graph.
var graphDirectory directoryFactory = func(string, *http.Client, func(context.Context) (string, error)) entra.Directory {
	return nil
}
