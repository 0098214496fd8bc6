package provider

import (
	"context"
	"net/http"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra/msgraph"
)

// graphDirectory reads and writes a directory through Microsoft Graph.
func graphDirectory(origin string, client *http.Client, token func(context.Context) (string, error)) entra.Directory {
	return msgraph.New(msgraph.Config{Origin: origin, Client: client, Token: token})
}
