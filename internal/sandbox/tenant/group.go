package tenant

import (
	"slices"
	"time"
)

// Group is an Entra group: a security group, or a Microsoft 365 group.
type Group struct {
	ID               string
	DisplayName      string
	Description      string
	MailNickname     string
	MailEnabled      bool
	SecurityEnabled  bool
	Types            []string // Unified for a Microsoft 365 group, and DynamicMembership
	Visibility       string
	Mail             string // of a Microsoft 365 group
	AssignableToRole bool
	Owners           []string // object IDs, also of objects that are deleted: they count again once restored
	Members          []string // likewise
	CreatedAt        time.Time
	ExtraProperties  map[string]any // accepted, stored and returned, but without a behaviour of their own here
}

// The types of a group.
const (
	UnifiedGroup = "Unified"
	DynamicGroup = "DynamicMembership"
)

// Unified reports whether it is a Microsoft 365 group.
func (g Group) Unified() bool { return slices.Contains(g.Types, UnifiedGroup) }

// Dynamic reports whether a rule says who its members are.
func (g Group) Dynamic() bool { return slices.Contains(g.Types, DynamicGroup) }
