package exchange

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// publicRootID is the distinguished ID of the root of the public folders.
const publicRootID = "publicfoldersroot"

// call is the work of one request, in the name of the mailbox that it impersonates.
type call struct {
	tenant  *tenant.Tenant
	view    tenant.View
	account tenant.User // whose mailbox is impersonated
	route   route
	now     time.Time
}

// route is which public folder mailbox a request is sent to.
type route int

const (
	unrouted    route = iota
	toHierarchy       // to the mailbox that holds the folders (EWS: route public folder hierarchy requests)
	toContent         // to the mailbox that holds what is in them (EWS: route public folder content requests)
)

// routeOf reads the route from a request's headers.
func routeOf(t *tenant.Tenant, r *http.Request) route {
	anchor, mailbox := r.Header.Get("X-AnchorMailbox"), r.Header.Get("X-PublicFolderMailbox")
	hierarchy, hierarchyGUID := hierarchyMailbox(t)
	content, _ := contentMailbox(t)
	switch {
	case strings.EqualFold(anchor, hierarchy) && strings.EqualFold(mailbox, hierarchyGUID):
		return toHierarchy
	case strings.EqualFold(anchor, content) && strings.EqualFold(mailbox, content):
		return toContent
	}
	return unrouted
}

// hierarchyMailbox is the mailbox that holds the tenant's public folder hierarchy: its address, and the form with a
// GUID that X-PublicFolderMailbox wants (Exchange: route public folder hierarchy requests).
func hierarchyMailbox(t *tenant.Tenant) (address, byGUID string) {
	return "SharedPublicFolders@" + t.Domain, guidOf(t, "/public-folders") + "@" + t.Domain
}

// contentMailbox is the mailbox that holds what is in the public folders: its address and its GUID. One mailbox holds
// all of it here, and it is not the hierarchy's, so that nobody confuses the two routes (chosen).
func contentMailbox(t *tenant.Tenant) (address, guid string) {
	return "PublicFolderContent@" + t.Domain, guidOf(t, "/public-folder-content")
}

func guidOf(t *tenant.Tenant, name string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(t.ID+name)).String()
}

// mailFolder is a folder that the account sees: a public one, or one of its own mailbox.
type mailFolder struct {
	tenant.MailFolder
	id       string // in EWS
	parent   string // the ID of the parent in EWS, empty without one
	isPublic bool
	public   tenant.PublicFolder
}

var folderNotFound = ewsFault{Code: "ErrorFolderNotFound",
	Message: "The specified folder could not be found in the store."}

// itemMark begins the part of an ID that names an item.
const itemMark = "item/"

// newID makes an ID in EWS from the tenant's or the account's ID and what is named below it.
func newID(owner, name string) string {
	return base64.StdEncoding.EncodeToString([]byte(owner + "/" + name))
}

// readID takes apart what newID made.
func readID(id string) (owner, name string, fault *ewsFault) {
	if id == "" {
		return "", "", &ewsFault{Code: "ErrorInvalidIdEmpty", Message: "Id must be non-empty."}
	}
	decoded, err := base64.StdEncoding.DecodeString(id)
	owner, name, cut := strings.Cut(string(decoded), "/")
	if err != nil || !cut || uuid.Validate(owner) != nil {
		return "", "", &ewsFault{Code: "ErrorInvalidIdMalformed", Message: "Id is malformed."}
	}
	return owner, name, nil
}

// coveredBy is the distinguished folder that a request for something counts as: whatever is public as the public
// folders' root.
func coveredBy(t *tenant.Tenant, id string) string {
	owner, name, _ := readID(id)
	if owner == t.ID {
		return publicRootID
	}
	return name
}

// covered is the distinguished folder that a request for a folder counts as.
func (f folderID) covered(t *tenant.Tenant) string {
	if f.distinguished() {
		return f.ID
	}
	return coveredBy(t, f.ID)
}

// store returns what holds a folder's items.
func (c call) store(isPublic bool) *tenant.MailStore {
	if isPublic {
		return c.tenant.PublicItems()
	}
	return c.tenant.MailboxOf(c.account.ID)
}

// items are what a folder holds.
func (c call) items(f mailFolder) []tenant.MailItem { return c.store(f.isPublic).In(f.ID) }

// find looks a folder up, for a request that has to take one of the routes if the folder is a public one. An account
// that may not see a folder is told that it is not there; that this is what Exchange says, and that it says so of an ID
// whose folder is gone, is unconfirmed.
func (c call) find(asked folderID, routes ...route) (mailFolder, *ewsFault) {
	owner, name := c.account.ID, asked.ID
	fault := checkChangeKey(asked.ChangeKey)
	switch {
	case fault != nil:
	case asked.distinguished():
		fault = c.faultOfMailbox(asked)
		if name == publicRootID {
			owner = c.tenant.ID
		}
	default:
		owner, name, fault = readID(asked.ID)
	}
	switch {
	case fault != nil:
		return mailFolder{}, fault
	case strings.HasPrefix(name, itemMark):
		return mailFolder{}, &ewsFault{Code: "ErrorCannotUseItemIdForFolderId", Message: "Id is an item's, not a folder's."}
	case owner == c.tenant.ID:
		return c.findPublic(name, routes)
	case owner == c.account.ID:
		if f, found := c.store(false).Folder(name); found {
			return c.ownFolder(f), nil
		}
	}
	return mailFolder{}, &folderNotFound
}

// faultOfMailbox is why a distinguished folder of another mailbox than the impersonated one cannot be had.
func (c call) faultOfMailbox(asked folderID) *ewsFault {
	if asked.Mailbox == nil || strings.EqualFold(asked.Mailbox.Address, c.account.Mail) {
		return nil
	}
	other, found := findMailbox(c.tenant, c.view, asked.Mailbox.Address, false)
	switch {
	case !found:
		return &nonExistentMailbox
	case other.ID == c.account.ID:
		return &ewsFault{Code: "ErrorNonPrimarySmtpAddress",
			Message: "Primary SMTP address must be specified when referencing a mailbox."}
	}
	return &folderNotFound // nobody here may open the mailbox of somebody else
}

func (c call) ownFolder(f tenant.MailFolder) mailFolder {
	found := mailFolder{MailFolder: f, id: newID(c.account.ID, f.ID)}
	if f.ParentID != "" {
		found.parent = newID(c.account.ID, f.ParentID)
	}
	return found
}

func (c call) findPublic(name string, routes []route) (mailFolder, *ewsFault) {
	if c.tenant.Exchange.NoPublicFolders || !slices.Contains(routes, c.route) {
		// Unconfirmed: the code for an organization in which nobody has made a public folder mailbox yet. Exchange forwards
		// some requests that were not routed to the right mailbox; here none is, so that nobody forgets the headers.
		return mailFolder{},
			&ewsFault{Code: "ErrorPublicFolderMailboxDiscoveryFailed",
				Message: "No public folder mailbox could be found for the user."}
	}
	for _, p := range c.tenant.Exchange.PublicFolders {
		if publicFolderName(c.tenant, p.Path) == name && rightsOf(c.tenant, c.view, c.account, p).visible {
			return c.publicFolder(p), nil
		}
	}
	return mailFolder{}, &folderNotFound
}

func (c call) publicFolder(p tenant.PublicFolder) mailFolder {
	name := publicFolderName(c.tenant, p.Path)
	found := mailFolder{MailFolder: tenant.MailFolder{ID: name, Name: folderName(p), Class: p.Class},
		id: newID(c.tenant.ID, name), isPublic: true, public: p}
	if p.Path != tenant.PublicRoot {
		found.parent = newID(c.tenant.ID, publicFolderName(c.tenant, parentOf(p)))
	}
	return found
}

// below are the folders right below one that the account sees.
func (c call) below(f mailFolder) []mailFolder {
	if f.isPublic {
		return tenant.Mapped(visibleBelow(c.tenant, c.view, c.account, f.public.Path), c.publicFolder)
	}
	return tenant.Mapped(c.store(false).Below(f.ID), c.ownFolder)
}

// deepBelow are all folders below one, each after its parent.
func (c call) deepBelow(f mailFolder) (found []mailFolder) {
	for _, one := range c.below(f) {
		found = append(append(found, one), c.deepBelow(one)...)
	}
	return found
}

// rights are what the account may do in a folder: in its own mailbox, everything.
func (c call) rights(f mailFolder) folderRights {
	if !f.isPublic {
		return permissionLevels["Owner"]
	}
	return rightsOf(c.tenant, c.view, c.account, f.public)
}

var accessDenied = ewsFault{Code: "ErrorAccessDenied", Message: "Access is denied. Check credentials and try again."}

var quotaExceeded = ewsFault{Code: "ErrorQuotaExceeded", Message: "The mailbox is full."}
