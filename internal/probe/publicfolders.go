package probe

import (
	"errors"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/exchange"
)

// publicFolders judges the root only: CodeTwo's documentation asks for Owner on it and on every subfolder that is
// migrated into, and those are not known here.
func (f Facts) publicFolders() Check {
	mailbox := f.Connection.Mailbox
	if f.PublicFoldersErr != nil {
		return f.closedPublicFolders()
	}
	for _, entry := range f.PublicFolders.Permissions {
		if strings.EqualFold(entry.Mailbox, mailbox) && entry.Level == "Owner" {
			return passed("%s is Owner of the root public folder; its subfolders were not looked at", mailbox)
		}
	}
	rights := f.PublicFolders.Rights
	if rights == nil {
		return undecided(f.fill(grantOwner), "Exchange did not say what %s may do in the root public folder", mailbox)
	}
	// Owner may come through a group, and then shows in the rights alone. The root itself cannot be deleted, so that
	// right is not counted (unconfirmed).
	var missing []string
	for _, right := range []struct {
		name string
		held bool
	}{
		{"read items", rights.Read}, {"create items", rights.CreateContents},
		{"create subfolders", rights.CreateHierarchy}, {"change the folder", rights.Modify},
	} {
		if !right.held {
			missing = append(missing, right.name)
		}
	}
	if len(missing) > 0 {
		return failed(f.fill(grantOwner), "%s is not Owner of the root public folder: it may not %s", mailbox, strings.Join(missing, ", "))
	}
	return passed("%s has the rights of an Owner in the root public folder; its subfolders were not looked at", mailbox)
}

// closedPublicFolders judges a root that could not be opened. Where Autodiscover did not say which mailbox holds the
// hierarchy, the refusal may come from one that does not, and says nothing.
func (f Facts) closedPublicFolders() Check {
	answer, ok := errors.AsType[*exchange.Error](f.PublicFoldersErr)
	if !ok {
		return undecided(f.fill(lookAtOwner), "the root public folder gave no answer: %s", silence(f.PublicFoldersErr))
	}
	if known, found := exchangeAnswer(PublicFolders, nameOf(answer)); found && (known.Passing || f.PublicFolderRouteErr == nil) {
		return f.row(known).withBackOff(answer.BackOff)
	}
	check := undecided(f.fill(lookAtOwner), "the root public folder gave no answer: %s", words(answer))
	check = check.withSupport("request-id", answer.RequestID)
	if f.PublicFolderRouteErr == nil {
		return check
	}
	check.Detail = strings.TrimSuffix(check.Detail, ".") + ". Autodiscover did not say which mailbox holds the public folders, so that another one may have been asked: "
	route, answered := errors.AsType[*exchange.Error](f.PublicFolderRouteErr)
	if !answered {
		check.Detail += silence(f.PublicFolderRouteErr)
		return check
	}
	check.Detail += words(route)
	if nameOf(route) == exchange.CodeServerBusy {
		check.Remedy = "Plan again in some minutes. If Autodiscover stays busy:\n" + check.Remedy
		check = check.withBackOff(route.BackOff)
	}
	return check
}
