package acctest

import (
	"context"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra/msgraph"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// Directory is the tenant's directory as the provider sees it, with the rights of the caller who has all of them.
func (env *Env) Directory(tenantID string) entra.Directory {
	env.t.Helper()
	return env.PacedDirectory(tenantID, nil)
}

// PacedDirectory is Directory, with a clock that tells how the pauses before retries pass; nil means the real one.
func (env *Env) PacedDirectory(tenantID string, clock retry.Clock) entra.Directory {
	env.t.Helper()
	return msgraph.New(msgraph.Config{
		Retries: retry.Policy{Clock: clock},
		Origin:  env.Server.Origin(),
		Client:  env.Client(),
		Token:   func(context.Context) (string, error) { return env.token(tenantID), nil },
		Forget: func(string) { // the sandbox's clock was moved beyond the token's end
			env.tokenGuard.Lock()
			defer env.tokenGuard.Unlock()
			delete(env.tokens, tenantID)
		},
	})
}
