package exchange

import (
	"slices"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// MailboxState is what clients have put into a mailbox, or into the public folders, which one mailbox holds.
type MailboxState struct {
	Address string            `json:"address"`
	Size    int               `json:"size"` // bytes
	Folders []MailFolderState `json:"folders"`
}

// MailFolderState is a folder that holds something, or that a client has made.
type MailFolderState struct {
	Path  string          `json:"path"` // such as \Inbox\2026
	Total int             `json:"total"`
	Items []MailItemState `json:"items,omitempty"` // the first ones
}

// MailItemState is an item of a folder, without its content.
type MailItemState struct {
	Subject  string    `json:"subject"`
	From     string    `json:"from,omitempty"` // address
	Received time.Time `json:"received"`
	Size     int       `json:"size"`
	Read     bool      `json:"read"`
	Draft    bool      `json:"draft"`
}

// maxShownItems is how many items of a folder are shown at most.
const maxShownItems = 1000

// MailboxStates are the mailboxes into which clients have put something.
func MailboxStates(t *tenant.Tenant, v tenant.View) []MailboxState {
	states := []MailboxState{}
	show := func(address string, store *tenant.MailStore, folders []MailFolderState) {
		if len(folders) > 0 {
			states = append(states, MailboxState{Address: address, Size: store.Size(), Folders: folders})
		}
	}
	for _, user := range t.Directory.Users.List(v, nil) {
		store := t.MailboxOf(user.ID)
		var folders []MailFolderState
		for _, f := range store.Folders {
			if state := folderState(store, f.ID, pathOf(store, f)); state.Total > 0 || !tenant.IsDistinguished(f.ID) {
				folders = append(folders, state)
			}
		}
		show(user.Mail, store, folders)
	}
	public := t.PublicItems()
	var folders []MailFolderState
	for _, p := range t.Exchange.PublicFolders {
		if state := folderState(public, publicFolderName(t, p.Path), p.Path); state.Total > 0 {
			folders = append(folders, state)
		}
	}
	address, _ := contentMailbox(t)
	show(address, public, folders)
	return states
}

func folderState(store *tenant.MailStore, folderID, path string) MailFolderState {
	items := store.In(folderID)
	state := MailFolderState{Path: path, Total: len(items)}
	for _, i := range items[:min(len(items), maxShownItems)] {
		state.Items = append(state.Items, MailItemState{Subject: i.Subject, From: i.From.Address, Received: i.Received,
			Size: i.Size(), Read: i.IsRead, Draft: i.IsDraft})
	}
	return state
}

// pathOf names a folder from the top of its mailbox on, as users see it.
func pathOf(store *tenant.MailStore, f tenant.MailFolder) string {
	path := ""
	for f.ID != tenant.RootFolder && f.ID != tenant.TopFolder {
		path = `\` + f.Name + path
		f, _ = store.Folder(f.ParentID) // every folder but the root has a parent
	}
	return path
}

// KeepPublicItems removes the items of public folders that are not in the tree any more.
func KeepPublicItems(t *tenant.Tenant) {
	kept := tenant.Mapped(t.Exchange.PublicFolders, func(p tenant.PublicFolder) string {
		return publicFolderName(t, strings.ToLower(p.Path))
	})
	public := t.PublicItems()
	for _, i := range slices.Clone(public.Items) {
		if !slices.Contains(kept, i.FolderID) {
			public.Remove(i.ID)
		}
	}
}
