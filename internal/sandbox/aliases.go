package sandbox

import "github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"

// Caller is a client ID with its secret.
type Caller = tenant.Caller

// Restriction is one rule of an app management policy about the credentials that are added to an application.
type Restriction = tenant.Restriction

// Part is one request of a batch.
type Part = tenant.Part
