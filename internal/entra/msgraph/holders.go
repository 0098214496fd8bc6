package msgraph

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// RoleHolders implements entra.Directory. Rights: Application.Read.All or Directory.Read.All for the holders,
// Organization.Read.All for the domain. What may not be read is an answer, not an error.
func (d *directory) RoleHolders(ctx context.Context, role entra.RoleRef, except string) (*entra.RoleHolders, error) {
	answers, err := d.batch(ctx, entra.Parallel,
		get("/organization?$select="+organizationProperties),
		get("/servicePrincipals(appId='%s')/appRoleAssignedTo", role.ResourceAppID),
		get("/servicePrincipals(appId='%s')?$select="+servicePrincipalProperties, except))
	if err != nil {
		return nil, err
	}
	held := &entra.RoleHolders{}
	tenants, err := list[models.Organizationable](ctx, d, answers[0], models.CreateOrganizationFromDiscriminatorValue)
	switch {
	case err == nil && len(tenants) == 1:
		held.InitialDomain = toOrganization(tenants[0]).InitialDomain()
	case err != nil && !entra.IsDenied(err):
		return nil, err
	}
	if entra.IsNotFound(answers[1].err) {
		return held, nil // a replica that does not know the API: nothing was learnt
	}
	grants, err := d.grants(ctx, answers[1])
	if entra.IsDenied(err) {
		return held, nil
	}
	if err != nil {
		return nil, err
	}
	// A grant names its holder by the object ID alone.
	var parts []request
	var asked []string
	if own, err := found[*servicePrincipal](answers[2], newServicePrincipal); err == nil && own != nil {
		asked = append(asked, own.ObjectID)
	}
	for _, grant := range grants {
		if !strings.EqualFold(grant.RoleID, role.RoleID) || slices.Contains(asked, grant.PrincipalID) {
			continue
		}
		asked = append(asked, grant.PrincipalID)
		parts = append(parts, get("/servicePrincipals/%s?$select="+servicePrincipalProperties, grant.PrincipalID))
	}
	named, err := d.batch(ctx, entra.Parallel, parts...)
	if err != nil {
		return nil, err
	}
	for _, answered := range named {
		holder, err := found[*servicePrincipal](answered, newServicePrincipal)
		if err != nil {
			return nil, err
		}
		if holder != nil && !strings.EqualFold(holder.ClientID, except) { // nil: deleted meanwhile
			held.Holders = append(held.Holders, holder.ServicePrincipal)
		}
	}
	slices.SortFunc(held.Holders, func(a, b entra.ServicePrincipal) int {
		return cmp.Or(strings.Compare(a.DisplayName, b.DisplayName), strings.Compare(a.ClientID, b.ClientID))
	})
	held.Read = true
	return held, nil
}
