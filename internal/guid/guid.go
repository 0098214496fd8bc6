// Package guid validates the format of GUIDs, the form of tenant, application and role IDs in Entra.
package guid

import "github.com/google/uuid"

// length is that of the only form that Entra writes; the library reads others, too.
const length = 36

// Valid reports whether text is a GUID: 32 hexadecimal digits of either case in five groups, without braces.
func Valid(text string) bool { return len(text) == length && uuid.Validate(text) == nil }
