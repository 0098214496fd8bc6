package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// folderRights are what a permission level allows in a folder.
type folderRights struct {
	create, subfolders, owner, visible bool
	edit, remove, read                 string // of the folder's items: All, Owned or None; for reading FullDetails or None
}

// permissionLevels are the rights of each level (MS-OXWSFOLD, section 2.2.5.3: t:PermissionLevelType).
var permissionLevels = map[string]folderRights{
	"Owner":            {create: true, subfolders: true, owner: true, visible: true, edit: "All", remove: "All", read: "FullDetails"},
	"PublishingEditor": {create: true, subfolders: true, visible: true, edit: "All", remove: "All", read: "FullDetails"},
	"Editor":           {create: true, visible: true, edit: "All", remove: "All", read: "FullDetails"},
	"PublishingAuthor": {create: true, subfolders: true, visible: true, edit: "Owned", remove: "Owned", read: "FullDetails"},
	"Author":           {create: true, visible: true, edit: "Owned", remove: "Owned", read: "FullDetails"},
	"NoneditingAuthor": {create: true, visible: true, edit: "None", remove: "Owned", read: "FullDetails"},
	"Reviewer":         {visible: true, edit: "None", remove: "None", read: "FullDetails"},
	"Contributor":      {create: true, visible: true, edit: "None", remove: "None", read: "None"},
	"None":             {edit: "None", remove: "None", read: "None"},
}

// name is the last part of a folder's path.
func (p publicFolder) name() string {
	if p.Path == publicRoot {
		return distinguishedFolders[publicRootID]
	}
	return p.Path[strings.LastIndex(p.Path, `\`)+1:]
}

// parent is the path of the folder above. The root is its own.
func (p publicFolder) parent() string { return p.Path[:max(strings.LastIndex(p.Path, `\`), 1)] }

// permissionsOf are the levels of a folder by address, with defaultPermission.
func (t *Tenant) permissionsOf(v view, p publicFolder) map[string]string {
	if p.Permissions != nil {
		return p.Permissions
	}
	seeded := map[string]string{defaultPermission: "Author"}
	for _, owner := range t.directory.users.list(v, func(u user) bool { return u.Mailbox == publicFolderOwner }) {
		seeded[strings.ToLower(owner.Mail)] = "Owner"
	}
	return seeded
}

// rightsOf are what an account may do in a folder: by its own permission, which may be less than everybody's, or by theirs.
func (t *Tenant) rightsOf(v view, account user, p publicFolder) folderRights {
	permissions := t.permissionsOf(v, p)
	for _, address := range account.addresses() {
		if level, own := permissions[address]; own {
			return permissionLevels[level]
		}
	}
	return permissionLevels[permissions[defaultPermission]]
}

// publicFolderAt finds the folder of a path, whose case does not matter.
func (o exchangeOrganization) publicFolderAt(path string) (publicFolder, bool) {
	at := slices.IndexFunc(o.PublicFolders, func(p publicFolder) bool { return strings.EqualFold(p.Path, path) })
	if at < 0 {
		return publicFolder{}, false
	}
	return o.PublicFolders[at], true
}

// visibleBelow are the folders right below a path that an account sees. That Exchange counts and lists no others is
// unconfirmed.
func (t *Tenant) visibleBelow(v view, account user, path string) []publicFolder {
	var found []publicFolder
	for _, p := range t.exchange.PublicFolders {
		if p.Path != publicRoot && strings.EqualFold(p.parent(), path) && t.rightsOf(v, account, p).visible {
			found = append(found, p)
		}
	}
	return found
}

// publicFolderName is what a folder's ID says below the tenant's ID. A folder of the same path has the same ID.
func (t *Tenant) publicFolderName(path string) string {
	if path == publicRoot {
		return publicRootID
	}
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(t.ID+strings.ToLower(path))).String()
}

// PublicFolderState is a public folder with its permissions, as the control plane sets and shows it.
type PublicFolderState struct {
	Path        string            `json:"path"`                  // such as \Sales\Archive; \ is the root
	Permissions map[string]string `json:"permissions,omitempty"` // permission level of EWS by address, and of everybody else by default
}

func (t *Tenant) publicFolderStates(v view) []PublicFolderState {
	return mapped(t.exchange.PublicFolders, func(p publicFolder) PublicFolderState {
		return PublicFolderState{Path: p.Path, Permissions: t.permissionsOf(v, p)}
	})
}

// newPublicFolders makes a tree of what the control plane is given. The root need not be listed, and a folder without
// permissions has the seeded ones.
func newPublicFolders(listed []PublicFolderState) ([]publicFolder, error) {
	tree := exchangeOrganization{PublicFolders: []publicFolder{{Path: publicRoot}}}
	for _, given := range listed {
		folder := publicFolder{Path: given.Path}
		var err error
		if folder.Permissions, err = newPermissions(given.Permissions); err != nil {
			return nil, fmt.Errorf("%s: %w", given.Path, err)
		}
		if given.Path == publicRoot {
			tree.PublicFolders[0] = folder
			continue
		}
		if !strings.HasPrefix(given.Path, `\`) || folder.name() == "" {
			return nil, fmt.Errorf(`%q is not a path such as \Sales\Archive`, given.Path)
		}
		if _, twice := tree.publicFolderAt(given.Path); twice {
			return nil, fmt.Errorf("%s is listed twice", given.Path)
		}
		if _, found := tree.publicFolderAt(folder.parent()); !found {
			return nil, fmt.Errorf("%s: list %s before it", given.Path, folder.parent())
		}
		tree.PublicFolders = append(tree.PublicFolders, folder)
	}
	return tree.PublicFolders, nil
}

func newPermissions(given map[string]string) (map[string]string, error) {
	if given == nil {
		return nil, nil
	}
	permissions := map[string]string{defaultPermission: "None"}
	for address, level := range given {
		if _, known := permissionLevels[level]; !known {
			return nil, fmt.Errorf("%q is none of the permission levels %q", level, slices.Sorted(maps.Keys(permissionLevels)))
		}
		if address = strings.ToLower(address); address != defaultPermission && !strings.Contains(address, "@") {
			return nil, fmt.Errorf("%q is neither an address nor %q", address, defaultPermission)
		}
		permissions[address] = level
	}
	return permissions, nil
}
