// Package guid validates the format of GUIDs, the form of tenant, application and role IDs in Entra.
package guid

import (
	"strings"

	"github.com/google/uuid"
)

// length is that of the only form that Entra writes; the library reads others, too.
const length = 36

// Valid reports whether text is a GUID: 32 hexadecimal digits of either case in five groups, without braces.
func Valid(text string) bool { return len(text) == length && uuid.Validate(text) == nil }

// Cut splits text at its first slash: the provider's resources have IDs that begin with the tenant's. It reports
// whether a GUID precedes the slash.
func Cut(text string) (id, rest string, ok bool) {
	id, rest, found := strings.Cut(text, "/")
	return id, rest, found && Valid(id)
}

// Pair splits an ID of two GUIDs with a slash between them, and returns them in lower case.
func Pair(text string) (first, second string, ok bool) {
	first, second, ok = Cut(strings.ToLower(text))
	return first, second, ok && Valid(second)
}
