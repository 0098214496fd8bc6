package exchange

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// folderRights are what a permission level allows in a folder.
type folderRights struct {
	create, subfolders, owner, visible bool
	edit, remove, read                 string // of the folder's items: All, Owned or None; for reading FullDetails or None
}

// permissionLevels are the rights of each level (MS-OXWSFOLD, section 2.2.5.3: t:PermissionLevelType).
var permissionLevels = map[string]folderRights{
	"Owner": {create: true, subfolders: true, owner: true, visible: true, edit: "All", remove: "All",
		read: "FullDetails"},
	"PublishingEditor": {create: true, subfolders: true, visible: true, edit: "All", remove: "All", read: "FullDetails"},
	"Editor":           {create: true, visible: true, edit: "All", remove: "All", read: "FullDetails"},
	"PublishingAuthor": {create: true, subfolders: true, visible: true, edit: "Owned", remove: "Owned",
		read: "FullDetails"},
	"Author":           {create: true, visible: true, edit: "Owned", remove: "Owned", read: "FullDetails"},
	"NoneditingAuthor": {create: true, visible: true, edit: "None", remove: "Owned", read: "FullDetails"},
	"Reviewer":         {visible: true, edit: "None", remove: "None", read: "FullDetails"},
	"Contributor":      {create: true, visible: true, edit: "None", remove: "None", read: "None"},
	"None":             {edit: "None", remove: "None", read: "None"},
}

// folderName is the last part of a folder's path.
func folderName(p tenant.PublicFolder) string {
	if p.Path == tenant.PublicRoot {
		return "IPM_SUBTREE"
	}
	return p.Path[strings.LastIndex(p.Path, `\`)+1:]
}

// parentOf is the path of the folder above. The root is its own.
func parentOf(p tenant.PublicFolder) string { return p.Path[:max(strings.LastIndex(p.Path, `\`), 1)] }

// permissionsOf are the levels of a folder by address, with DefaultPermission.
func permissionsOf(t *tenant.Tenant, v tenant.View, p tenant.PublicFolder) map[string]string {
	if p.Permissions != nil {
		return p.Permissions
	}
	seeded := map[string]string{tenant.DefaultPermission: "Author"}
	for _, owner := range t.Directory.Users.List(v, func(u tenant.User) bool {
		return u.Mailbox == tenant.PublicFolderOwner
	}) {
		seeded[strings.ToLower(owner.Mail)] = "Owner"
	}
	return seeded
}

// rightsOf are what an account may do in a folder: by its own permission, which may be less than everybody's, or by
// theirs.
func rightsOf(t *tenant.Tenant, v tenant.View, account tenant.User, p tenant.PublicFolder) folderRights {
	permissions := permissionsOf(t, v, p)
	for _, address := range account.Addresses() {
		if level, own := permissions[address]; own {
			return permissionLevels[level]
		}
	}
	return permissionLevels[permissions[tenant.DefaultPermission]]
}

// hasPublicFolder reports whether there is a folder of that path, whose case does not matter.
func hasPublicFolder(o tenant.ExchangeOrganization, path string) bool {
	return slices.ContainsFunc(o.PublicFolders, func(p tenant.PublicFolder) bool {
		return strings.EqualFold(p.Path, path)
	})
}

// visibleBelow are the folders right below a path that an account sees. That Exchange counts and lists no others is
// unconfirmed.
func visibleBelow(t *tenant.Tenant, v tenant.View, account tenant.User, path string) []tenant.PublicFolder {
	var found []tenant.PublicFolder
	for _, p := range t.Exchange.PublicFolders {
		if p.Path != tenant.PublicRoot && strings.EqualFold(parentOf(p), path) && rightsOf(t, v, account, p).visible {
			found = append(found, p)
		}
	}
	return found
}

// publicFolderName is what a folder's ID says below the tenant's ID. A folder of the same path has the same ID.
func publicFolderName(t *tenant.Tenant, path string) string {
	if path == tenant.PublicRoot {
		return publicRootID
	}
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(t.ID+strings.ToLower(path))).String()
}

// PublicFolderState is a public folder with its permissions, as the control API sets and shows it.
type PublicFolderState struct {
	Path string `json:"path"` // such as \Sales\Archive; \ is the root
	// permission level of EWS by address, and of everybody else by default
	Permissions map[string]string `json:"permissions,omitempty"`
}

// PublicFolderStates are the folders of a tenant, the root first.
func PublicFolderStates(t *tenant.Tenant, v tenant.View) []PublicFolderState {
	return tenant.Mapped(t.Exchange.PublicFolders, func(p tenant.PublicFolder) PublicFolderState {
		return PublicFolderState{Path: p.Path, Permissions: permissionsOf(t, v, p)}
	})
}

// NewPublicFolders makes a tree of what the control API is given. The root need not be listed, and a folder without
// permissions has the seeded ones.
func NewPublicFolders(listed []PublicFolderState) ([]tenant.PublicFolder, error) {
	tree := tenant.ExchangeOrganization{PublicFolders: []tenant.PublicFolder{{Path: tenant.PublicRoot}}}
	for _, given := range listed {
		folder := tenant.PublicFolder{Path: given.Path}
		var err error
		if folder.Permissions, err = newPermissions(given.Permissions); err != nil {
			return nil, fmt.Errorf("%s: %w", given.Path, err)
		}
		if given.Path == tenant.PublicRoot {
			tree.PublicFolders[0] = folder
			continue
		}
		if !strings.HasPrefix(given.Path, `\`) || folderName(folder) == "" {
			return nil, fmt.Errorf(`%q is not a path such as \Sales\Archive`, given.Path)
		}
		if hasPublicFolder(tree, given.Path) {
			return nil, fmt.Errorf("%s is listed twice", given.Path)
		}
		if !hasPublicFolder(tree, parentOf(folder)) {
			return nil, fmt.Errorf("%s: list %s before it", given.Path, parentOf(folder))
		}
		tree.PublicFolders = append(tree.PublicFolders, folder)
	}
	return tree.PublicFolders, nil
}

func newPermissions(given map[string]string) (map[string]string, error) {
	if given == nil {
		return nil, nil
	}
	permissions := map[string]string{tenant.DefaultPermission: "None"}
	for address, level := range given {
		if _, known := permissionLevels[level]; !known {
			return nil, fmt.Errorf("%q is none of the permission levels %q", level, slices.Sorted(maps.Keys(permissionLevels)))
		}
		if address = strings.ToLower(address); address != tenant.DefaultPermission && !strings.Contains(address, "@") {
			return nil, fmt.Errorf("%q is neither an address nor %q", address, tenant.DefaultPermission)
		}
		permissions[address] = level
	}
	return permissions, nil
}
