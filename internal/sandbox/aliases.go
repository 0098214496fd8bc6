package sandbox

import (
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/control"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/exchange"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/fault"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// Caller is a client ID with its secret.
type Caller = tenant.Caller

// Restriction is one rule of an app management policy about the credentials that are added to an application.
type Restriction = tenant.Restriction

// Part is one request of a batch.
type Part = tenant.Part

// What a request can meet.
type (
	Fault      = fault.Fault
	FaultKind  = fault.Kind
	FaultState = fault.State
)

// The kinds of faults.
const (
	Throttled     = fault.Throttled
	ServerError   = fault.ServerError
	Unavailable   = fault.Unavailable
	TimeoutBefore = fault.TimeoutBefore
	TimeoutAfter  = fault.TimeoutAfter
	ResetBefore   = fault.ResetBefore
	ResetAfter    = fault.ResetAfter
	CutOff        = fault.CutOff
	HTMLPage      = fault.HTMLPage
	EmptyBody     = fault.EmptyBody
	Slow          = fault.Slow
	Stale         = fault.Stale
	Refused       = fault.Refused
	Unread        = fault.Unread
	Concurrent    = fault.Concurrent
)

// PublicFolderState is a public folder with its permissions, as the control plane sets and shows it.
type PublicFolderState = exchange.PublicFolderState

// What the tenants hold.
type (
	State                 = control.State
	TenantState           = control.TenantState
	ApplicationState      = control.ApplicationState
	CredentialState       = control.CredentialState
	ServicePrincipalState = control.ServicePrincipalState
	GrantState            = control.GrantState
	DeletedItemState      = control.DeletedItemState
	UserState             = control.UserState
	ExchangeState         = control.ExchangeState
	PolicyState           = control.PolicyState
)
