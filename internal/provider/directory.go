package provider

import (
	"context"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra/msgraph"
)

// graphDirectory reads and writes a directory through Microsoft Graph, with the tokens that the function gives. forget
// drops one that was refused; it may be nil.
func (s *services) graphDirectory(token func(context.Context) (string, error),
	forget func(refused string)) entra.Directory {
	return msgraph.New(msgraph.Config{Origin: s.endpoints.Graph, Client: s.client, Token: token, Forget: forget,
		Retries: s.retries})
}
