package store

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
)

// published are the schemas that the documentation shows, each with the record that it describes.
var published = map[string]reflect.Type{
	"connection":   reflect.TypeFor[Connection](),
	"registration": reflect.TypeFor[Registration](),
	"certificate":  reflect.TypeFor[certificateRecord](),
}

// envelope are the members around every record.
var envelope = []string{"mac", "record", "schema_version"}

func schemaFile(name string) string {
	return filepath.Join("..", "..", "docs", "schemas", name+".json")
}

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(schemaFile(name))
	must(t, err)
	if schema.DraftVersion != 2020 {
		t.Errorf("%s: draft %d", name, schema.DraftVersion)
	}
	return schema
}

func asJSON(t *testing.T, content []byte) map[string]any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	must(t, err)
	object, ok := value.(map[string]any)
	if !ok {
		t.Fatalf("not an object: %s", content)
	}
	return object
}

// members returns the JSON names of a struct's fields, and which are always written.
func members(of reflect.Type) (all, always []string) {
	for _, field := range reflect.VisibleFields(of) {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() {
			continue
		}
		all = append(all, name)
		if !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero") {
			always = append(always, name)
		}
	}
	slices.Sort(all)
	slices.Sort(always)
	return all, always
}

// described is what the tests look at of a schema.
type described struct {
	Type                 string
	Description          string
	AdditionalProperties *bool
	Required             []string
	Properties           map[string]described
	Items                *described
}

// checkObject holds a schema of an object against the members that it may have, and always has.
func checkObject(t *testing.T, name string, schema described, all, always []string) {
	t.Helper()
	if has := slices.Sorted(maps.Keys(schema.Properties)); !slices.Equal(has, all) {
		t.Errorf("%s: the schema describes %v, written are %v", name, has, all)
	}
	if required := slices.Sorted(slices.Values(schema.Required)); !slices.Equal(required, always) {
		t.Errorf("%s: the schema requires %v, always written are %v", name, required, always)
	}
	if schema.Type != "object" || schema.AdditionalProperties == nil || *schema.AdditionalProperties {
		t.Errorf("%s: the schema allows what it does not know", name)
	}
	for member, property := range schema.Properties {
		if property.Description == "" {
			t.Errorf("%s: %s is not described", name, member)
		}
	}
}

// checkStruct is checkObject for a struct and the structs in it.
func checkStruct(t *testing.T, name string, schema described, of reflect.Type) {
	t.Helper()
	all, always := members(of)
	checkObject(t, name, schema, all, always)
	for _, field := range reflect.VisibleFields(of) {
		member, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		property, inner := schema.Properties[member], field.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			if inner.Kind() == reflect.Slice && property.Items != nil {
				property = *property.Items
			}
			inner = inner.Elem()
		}
		if field.IsExported() && inner.Kind() == reflect.Struct && inner != reflect.TypeFor[time.Time]() {
			checkStruct(t, name+"."+member, property, inner)
		}
	}
}

func TestSchemasDescribeEveryMemberOfTheRecordsAndNoOther(t *testing.T) {
	files, err := filepath.Glob(schemaFile("*"))
	must(t, err)
	if len(files) != len(published) {
		t.Errorf("published are %v", files)
	}
	for name, record := range published {
		content, err := os.ReadFile(schemaFile(name))
		must(t, err)
		var schema described
		must(t, json.Unmarshal(content, &schema))
		checkObject(t, name, schema, envelope, envelope)
		checkStruct(t, name, schema.Properties["record"], record)
	}
}

// written returns what the store wrote: of each kind the records that together have every member, by the schema's
// name.
func written(t *testing.T) map[string][]map[string]any {
	t.Helper()
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	expires := time.Now()
	bySecret, byCertificate, elsewhere := withSecret(), withKey(newPerson(t)), withCertificate()
	bySecret.ClientSecretExpiresAt, bySecret.MigratePublicFolders, bySecret.WrittenAt = &expires, true, &expires
	bySecret.EWS = &ewsaccess.TenantFacts{
		InitialDomain: "contoso.onmicrosoft.com",
		Holders:       []ewsaccess.App{{ClientID: client, Name: "Mail Backup"}}, SeenAt: expires,
	}
	bySecret.PublicFolderPaths = []string{`\Sales\Archive`, `\R&D's "old" folder`}
	create(t, s, bySecret)
	savePair(t, s)
	must(t, s.SaveCertificate(t.Context(), tenant, newPair(), certificate.Legacy, now))
	byCertificate.Mailbox, byCertificate.CertificateNotAfter = "o'neil+ü@contoso.com", &expires
	byCertificate.CertificateThumbprint = strings.ToLower(byCertificate.CertificateThumbprint)
	create(t, s, byCertificate)
	elsewhere.Mailbox, elsewhere.WrittenAt = "elsewhere@contoso.com", nil
	create(t, s, elsewhere)
	begun := Registration{TenantID: strings.ToUpper(tenant), UniqueName: "begun", Marker: client, StartedAt: expires}
	must(t, s.SaveRegistration(t.Context(), &begun, 0, now))
	must(t, s.SaveRegistration(t.Context(), &Registration{
		TenantID: tenant, UniqueName: "done", DisplayName: "App", Marker: client, ObjectID: client, ClientID: client,
		Thumbprints: []string{thumb}, Created: true, StartedAt: expires, CompletedAt: &expires, DeletingAt: &expires,
	}, 0, now))
	renewed, err := s.RenewIdentity(t.Context(), Renewal{Passphrase: "another staple of words", Now: now})
	if err != nil || len(renewed.Tenants) != 1 || renewed.Tenants[0].Sealed != 7 || len(renewed.Tenants[0].Left) > 0 {
		t.Fatalf("the renewal comes to %+v, %v", renewed, err)
	}

	records := map[string][]map[string]any{}
	for name, pattern := range map[string]string{
		"connection": "connections/*.json", "registration": "registrations/*.json", "certificate": "certificates/*.json",
	} {
		files, err := filepath.Glob(filepath.Join(dir, tenant, filepath.FromSlash(pattern)))
		must(t, err)
		for _, file := range files {
			content, err := os.ReadFile(file)
			must(t, err)
			records[name] = append(records[name], asJSON(t, content))
		}
	}
	return records
}

// inner returns the record in an envelope.
func inner(t *testing.T, sealed map[string]any) map[string]any {
	t.Helper()
	record, ok := sealed["record"].(map[string]any)
	if !ok {
		t.Fatalf("it holds no record: %v", sealed)
	}
	return record
}

func TestWhatTheStoreWritesIsValidUnderThePublishedSchemas(t *testing.T) {
	for name, records := range written(t) {
		schema := compile(t, name)
		seen, files := map[string]any{}, map[string]any{}
		for _, sealed := range records {
			if err := schema.Validate(sealed); err != nil {
				t.Errorf("%s: %v\n%v", name, err, sealed)
			}
			record := inner(t, sealed)
			maps.Copy(seen, record)
			if manifest, ok := record["files"].(map[string]any); ok {
				maps.Copy(files, manifest)
			}
		}
		all, _ := members(published[name])
		if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, all) {
			t.Errorf("%s: looked at %v of %v only", name, got, all)
		}
		if all, _ := members(reflect.TypeFor[Manifest]()); name == "connection" &&
			!slices.Equal(slices.Sorted(maps.Keys(files)), all) {
			t.Errorf("looked at the files %v of %v only", files, all)
		}
	}
}

// spoilFiles spoils a connection's manifest.
func spoilFiles(spoil func(files map[string]any)) func(record map[string]any) {
	return func(record map[string]any) {
		files, _ := record["files"].(map[string]any)
		files = maps.Clone(files)
		spoil(files)
		record["files"] = files
	}
}

func TestRecordsBrokenByHandAreInvalid(t *testing.T) {
	broken := map[string]map[string]func(record map[string]any){
		"connection": {
			"a misspelled member":     func(r map[string]any) { r["migrate_public_folder"] = true },
			"a tenant by its domain":  func(r map[string]any) { r["tenant_id"] = "contoso.onmicrosoft.com" },
			"a mailbox with a space":  func(r map[string]any) { r["mailbox"] = "a b@contoso.com" },
			"an unknown credential":   func(r map[string]any) { r["credential_type"] = "password" },
			"an app by its name":      func(r map[string]any) { r["client_id"] = "CodeTwo" },
			"a thumbprint as shown":   func(r map[string]any) { r["certificate_thumbprint"] = "a1 b2 c3" },
			"a day without a time":    func(r map[string]any) { r["certificate_not_after"] = "2030-01-01" },
			"a day that there is not": func(r map[string]any) { r["client_secret_expires_at"] = "2030-02-30T00:00:00Z" },
			"a number for yes":        func(r map[string]any) { r["migrate_public_folders"] = 1 },
			"a path of slashes":       func(r map[string]any) { r["public_folder_paths"] = []any{"/Sales"} },
			"a root by name":          func(r map[string]any) { r["public_folder_paths"] = []any{`\`} },
			"an empty folder":         func(r map[string]any) { r["public_folder_paths"] = []any{`\a\\b`} },
			"a path twice":            func(r map[string]any) { r["public_folder_paths"] = []any{`\a`, `\a`} },
			"paths that are a text":   func(r map[string]any) { r["public_folder_paths"] = `\a` },
			"a secret key":            func(r map[string]any) { r["handoff_recipients"] = []any{"AGE-SECRET-KEY-1"} },
			"no owner":                func(r map[string]any) { r["owner"] = "" },
			"a revision that is none": func(r map[string]any) { r["revision"] = nil },
			"a time that is a number": func(r map[string]any) { r["written_at"] = 1 },
			"a name that is a list":   func(r map[string]any) { r["name"] = []any{"contoso.com"} },
			"a secret in the record":  func(r map[string]any) { r["client_secret"] = secret },
			"a secret and thumbprint": func(r map[string]any) {
				r["credential_type"],
					r["certificate_thumbprint"] = "client_secret", thumb
			},
			"neither of the two": func(r map[string]any) {
				r["credential_type"] = "certificate"
				delete(r,
					"certificate_thumbprint")
			},
			"recipients that are text": func(r map[string]any) { r["handoff_recipients"] = "age1x" },
			"a generation of nothing":  func(r map[string]any) { r["generation"] = 0 },
			"a generation and a half":  func(r map[string]any) { r["generation"] = 1.5 },
			"no sheet":                 spoilFiles(func(files map[string]any) { delete(files, "sheet_sha256") }),
			"another hash":             spoilFiles(func(files map[string]any) { files["sheet_sha256"] = thumb }),
			"a file more":              spoilFiles(func(files map[string]any) { files["more"] = strings.Repeat("0", 64) }),
			"no format":                spoilFiles(func(files map[string]any) { delete(files, "handoff_format") }),
			"a secret and a PFX": spoilFiles(func(files map[string]any) {
				for _, name := range []string{"secret_sha256", "pfx_sha256", "pfx_password_sha256"} {
					files[name] = strings.Repeat("0", 64)
				}
			}),
		},
		"registration": {
			"a misspelled member":      func(r map[string]any) { r["thumbprint"] = thumb },
			"a tenant by its domain":   func(r map[string]any) { r["tenant_id"] = "contoso.onmicrosoft.com" },
			"no unique name":           func(r map[string]any) { r["unique_name"] = "" },
			"a generation of nothing":  func(r map[string]any) { r["generation"] = 0 },
			"a display name that is 1": func(r map[string]any) { r["display_name"] = 1 },
			"a marker that is none":    func(r map[string]any) { r["marker"] = "x" },
			"an object by its name":    func(r map[string]any) { r["object_id"] = "CodeTwo" },
			"an app by its name":       func(r map[string]any) { r["client_id"] = "CodeTwo" },
			"a thumbprint in small":    func(r map[string]any) { r["thumbprints"] = []any{strings.ToLower(thumb)} },
			"a word for yes":           func(r map[string]any) { r["created"] = "yes" },
			"a start that is none":     func(r map[string]any) { r["started_at"] = "today" },
			"an end that is none":      func(r map[string]any) { r["completed_at"] = false },
			"a destroy that is none":   func(r map[string]any) { r["deleting_at"] = "" },
		},
		"certificate": {
			"a misspelled member":    func(r map[string]any) { r["thumb"] = thumb },
			"a tenant by its domain": func(r map[string]any) { r["tenant_id"] = "contoso.onmicrosoft.com" },
			"a thumbprint in small":  func(r map[string]any) { r["thumbprint"] = strings.ToLower(thumb) },
			"no certificate":         func(r map[string]any) { r["certificate"] = "" },
			"a private key": func(r map[string]any) {
				r["certificate"] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
			},
			"an unknown encryption":   func(r map[string]any) { r["pfx_encryption"] = "des" },
			"another hash":            func(r map[string]any) { r["pfx_sha256"] = thumb },
			"a password as it is":     func(r map[string]any) { r["password_sha256"] = "secret" },
			"a generation of nothing": func(r map[string]any) { r["generation"] = 0 },
		},
	}
	sealed := map[string]func(r map[string]any){
		"a newer version":       func(r map[string]any) { r["schema_version"] = 3 },
		"the version before":    func(r map[string]any) { r["schema_version"] = 1 },
		"a member more":         func(r map[string]any) { r["comment"] = "edited" },
		"a seal in capitals":    func(r map[string]any) { r["mac"] = strings.Repeat("A", 64) },
		"a seal that is cut":    func(r map[string]any) { r["mac"] = strings.Repeat("a", 63) },
		"a record that is text": func(r map[string]any) { r["record"] = "{}" },
	}
	for name, records := range written(t) {
		schema := compile(t, name)
		_, always := members(published[name])
		for _, whole := range records {
			invalid := func(what string, spoil, spoilRecord func(map[string]any)) {
				t.Helper()
				spoilt, record := maps.Clone(whole), maps.Clone(inner(t, whole))
				spoilt["record"] = record
				spoilRecord(record)
				spoil(spoilt)
				if schema.Validate(spoilt) == nil {
					t.Errorf("%s: %s is valid: %v", name, what, spoilt)
				}
			}
			nothing := func(map[string]any) {}
			for what, spoil := range broken[name] {
				invalid(what, nothing, spoil)
			}
			for what, spoil := range sealed {
				invalid(what, spoil, nothing)
			}
			for _, member := range envelope {
				invalid("it without "+member, func(r map[string]any) { delete(r, member) }, nothing)
			}
			for _, member := range always {
				invalid("it without "+member, nothing, func(r map[string]any) { delete(r, member) })
			}
		}
	}
}
