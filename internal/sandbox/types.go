package sandbox

import (
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/control"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/exchange"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/fault"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/history"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// What the packages below share with those who use a Server, who import none of them.
type (
	// Caller is a client ID with its secret.
	Caller = tenant.Caller
	// Restriction is one rule of an app management policy about the credentials that are added to an application.
	Restriction = tenant.Restriction
	// Request is a request to the sandbox, as its log has it.
	Request = history.Request
	// Part is one request of a batch.
	Part = tenant.Part

	// Fault is what certain requests meet.
	Fault = fault.Fault
	// FaultKind is what happens to a request.
	FaultKind = fault.Kind
	// FaultState is an injected fault, with how many requests it has met.
	FaultState = fault.State

	// State is what the tenants hold.
	State = control.State
	// TenantState is what one tenant holds.
	TenantState = control.TenantState
	// ApplicationState is an application object.
	ApplicationState = control.ApplicationState
	// CredentialState is a certificate or a client secret, without its value.
	CredentialState = control.CredentialState
	// ServicePrincipalState is an application's presence in the tenant.
	ServicePrincipalState = control.ServicePrincipalState
	// GrantState is a consented application permission.
	GrantState = control.GrantState
	// DeletedItemState is an object in the recycle bin.
	DeletedItemState = control.DeletedItemState
	// UserState is a user with the kind of mailbox.
	UserState = control.UserState
	// GroupState is a group with its direct members and its owners.
	GroupState = control.GroupState
	// ExchangeState is what the Exchange administrator has set, and which apps used EWS.
	ExchangeState = control.ExchangeState
	// PublicFolderState is a public folder with its permissions.
	PublicFolderState = exchange.PublicFolderState
	// MailboxState is what clients have put into a mailbox, or into the public folders.
	MailboxState = exchange.MailboxState
	// MailFolderState is a folder that holds something, or that a client has made.
	MailFolderState = exchange.MailFolderState
	// MailItemState is an item of a folder, without its content.
	MailItemState = exchange.MailItemState
	// PolicyState is an app management policy.
	PolicyState = control.PolicyState
)

// The kinds of faults, as package fault explains them.
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
