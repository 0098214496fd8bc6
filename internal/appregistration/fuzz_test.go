package appregistration

import (
	"strings"
	"testing"
)

func FuzzAnImportIDIsTwoGUIDsOrNone(f *testing.F) {
	const guid = "00000003-0000-0000-C000-000000000000"
	for _, given := range []string{
		"", "/", guid, guid + "/" + guid, guid + "/", "/" + guid, guid + "//" + guid, guid + "/" + guid + "/",
		" " + guid + "/" + guid, guid + "/{" + guid + "}", guid + "/" + guid + "\n", "\u0130" + guid,
	} {
		f.Add(given)
	}
	f.Fuzz(func(t *testing.T, given string) {
		tenantID, id, ok := splitImportID(given)
		if !ok {
			return
		}
		if len(given) != 73 || !strings.EqualFold(given, tenantID+"/"+id) || strings.ToLower(tenantID+id) != tenantID+id {
			t.Errorf("%q is taken for %s and %s", given, tenantID, id)
		}
	})
}
