package acctest

import (
	"context"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra/msgraph"
)

// Directory is the tenant's directory as the provider sees it, with the rights of the caller who has all of them.
func (env *Env) Directory(tenantID string) entra.Directory {
	env.t.Helper()
	return msgraph.New(msgraph.Config{
		Origin: env.Server.Origin(),
		Client: env.Client(),
		Token:  func(context.Context) (string, error) { return env.token(tenantID), nil },
		Forget: func(string) { // the sandbox's clock was moved beyond the token's end
			env.tokenGuard.Lock()
			defer env.tokenGuard.Unlock()
			delete(env.tokens, tenantID)
		},
	})
}
