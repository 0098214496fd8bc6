package permission

import "slices"

// Profile is a named set of permissions.
type Profile string

// The profiles. What each holds is in profiles.
const (
	ExistingMailboxes Profile = "existing_mailboxes"
	CreateMailboxes   Profile = "create_mailboxes"
	Custom            Profile = "custom"
)

// Profiles lists the profiles in the order in which a user should consider them: least privilege first.
func Profiles() []Profile { return []Profile{ExistingMailboxes, CreateMailboxes, Custom} }

// CodeTwo publishes no list of the permissions that its wizard asks for. full_access_as_app is the only application
// permission for EWS; which role of Graph it reads the tenant with is unconfirmed, hence overridable.
var profiles = map[Profile][]Ref{
	ExistingMailboxes: {{Exchange.Name, "full_access_as_app"}, {Graph.Name, "Directory.Read.All"}},
	CreateMailboxes:   {{Exchange.Name, "full_access_as_app"}, {Graph.Name, "Directory.ReadWrite.All"}},
	Custom:            {},
}

// Permissions returns the profile's permissions. ok is false for a name that is not a profile.
func (p Profile) Permissions() (held []Permission, ok bool) {
	refs, ok := profiles[p]
	for _, ref := range refs {
		api, _ := FindAPI(ref.API)
		entry, _ := Find(api, ref.Name)
		held = append(held, entry)
	}
	return held, ok
}

// InferProfile returns the profile that holds exactly the given permissions; otherwise the largest profile that is
// among them, with the rest as additional ones; otherwise custom, with all of them as additional ones.
func InferProfile(held []Permission) (profile Profile, additional []Permission) {
	for _, candidate := range []Profile{CreateMailboxes, ExistingMailboxes} {
		wanted, _ := candidate.Permissions()
		rest := slices.Clone(held)
		complete := true
		for _, entry := range wanted {
			at := slices.IndexFunc(rest, func(p Permission) bool { return p.API.AppID == entry.API.AppID && p.ID == entry.ID })
			if at < 0 {
				complete = false
				break
			}
			rest = slices.Delete(rest, at, at+1)
		}
		if complete {
			return candidate, rest
		}
	}
	return Custom, held
}

// Covers reports whether one permission of Graph allows everything that another one does, so that a check does not
// report as missing what a wider permission includes (Microsoft Graph permissions reference: Directory.*).
func Covers(held, wanted Permission) bool {
	if held.API != wanted.API {
		return false
	}
	if held.ID == wanted.ID {
		return true
	}
	return held.API == Graph && held.Name == "Directory.ReadWrite.All" && wanted.Name == "Directory.Read.All"
}
