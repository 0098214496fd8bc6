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

	"filippo.io/age"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
)

// published are the schemas that the documentation shows, each with the struct that it describes.
var published = map[string]reflect.Type{
	"connection":   reflect.TypeFor[connectionRecord](),
	"registration": reflect.TypeFor[registrationRecord](),
	"shared":       reflect.TypeFor[sharing](),
}

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

// members returns the JSON names of a struct's fields, those of embedded structs included, and which are always
// written.
func members(of reflect.Type) (all, always []string) {
	for _, field := range reflect.VisibleFields(of) {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Anonymous {
			continue
		}
		all = append(all, name)
		if !strings.Contains(options, "omitempty") {
			always = append(always, name)
		}
	}
	slices.Sort(all)
	slices.Sort(always)
	return all, always
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
		var schema struct {
			Type                 string
			AdditionalProperties *bool
			Required             []string
			Properties           map[string]struct{ Description string }
		}
		must(t, json.Unmarshal(content, &schema))
		all, always := members(record)
		if described := slices.Sorted(maps.Keys(schema.Properties)); !slices.Equal(described, all) {
			t.Errorf("%s: the schema describes %v, the record has %v", name, described, all)
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
}

// written returns what the store wrote: of each kind the records that together have every member, by the schema's name.
func written(t *testing.T) map[string][]map[string]any {
	t.Helper()
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	person, err := age.GenerateX25519Identity()
	must(t, err)
	expires := time.Now()
	bySecret, byCertificate := withSecret(), withCertificate()
	bySecret.ClientSecretExpiresAt, bySecret.MigratePublicFolders, bySecret.WrittenAt = &expires, true, &expires
	bySecret.EWS = &ewsaccess.TenantFacts{InitialDomain: "contoso.onmicrosoft.com",
		Holders: []ewsaccess.App{{ClientID: client, Name: "Mail Backup"}}, SeenAt: expires}
	bySecret.PublicFolderPaths = []string{`\Sales\Archive`, `\R&D's "old" folder`}
	_, err = s.CreateConnection(t.Context(), bySecret, secret)
	must(t, err)
	byCertificate.Mailbox, byCertificate.CertificateNotAfter = "o'neil+ü@contoso.com", &expires
	byCertificate.CertificateThumbprint = strings.ToLower(certificate.Thumbprint(pair().Certificate))
	byCertificate.HandoffRecipients = []string{person.Recipient().String()}
	must(t, s.SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, &byCertificate))
	_, err = s.CreateConnection(t.Context(), byCertificate, "")
	must(t, err)
	alone := byCertificate
	alone.Mailbox = "alone@contoso.com"
	another := newPair()
	alone.CertificateThumbprint = certificate.Thumbprint(another.Certificate)
	must(t, s.SaveCertificate(t.Context(), tenant, another, certificate.AES256, &alone))
	must(t, s.ShareCertificate(t.Context(), tenant, alone.CertificateThumbprint)) // of those who share it nobody is left
	begun := Registration{TenantID: strings.ToUpper(tenant), UniqueName: "begun", Marker: client, StartedAt: expires}
	_, err = s.BeginRegistration(t.Context(), begun)
	must(t, err)
	must(t, s.SaveRegistration(t.Context(), Registration{TenantID: tenant, UniqueName: "done", DisplayName: "App",
		Marker: client, ObjectID: client, ClientID: client,
		Thumbprints: []string{thumb}, Created: true, StartedAt: expires, CompletedAt: &expires, DeletingAt: &expires}))

	kinds := map[string]string{"connection": "connections/*.json", "registration": "registrations/*.json",
		"shared": "certificates/*.shared.json"}
	records := map[string][]map[string]any{}
	for name, pattern := range kinds {
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

func TestWhatTheStoreWritesIsValidUnderThePublishedSchemas(t *testing.T) {
	for name, records := range written(t) {
		schema := compile(t, name)
		seen := map[string]any{}
		for _, record := range records {
			if err := schema.Validate(record); err != nil {
				t.Errorf("%s: %v\n%v", name, err, record)
			}
			maps.Copy(seen, record)
		}
		all, _ := members(published[name])
		if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, all) {
			t.Errorf("%s: looked at %v of %v only", name, got, all)
		}
	}
}

func TestRecordsBrokenByHandAreInvalid(t *testing.T) {
	broken := map[string]map[string]func(record map[string]any){
		"connection": {
			"a misspelled member":     func(r map[string]any) { r["migrate_public_folder"] = true },
			"a newer version":         func(r map[string]any) { r["schema_version"] = 2 },
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
		},
		"registration": {
			"a misspelled member":      func(r map[string]any) { r["thumbprint"] = thumb },
			"a newer version":          func(r map[string]any) { r["schema_version"] = 2 },
			"a tenant by its domain":   func(r map[string]any) { r["tenant_id"] = "contoso.onmicrosoft.com" },
			"no unique name":           func(r map[string]any) { r["unique_name"] = "" },
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
		"shared": {
			"a misspelled member":   func(r map[string]any) { r["recipient"] = "age1x" },
			"a newer version":       func(r map[string]any) { r["schema_version"] = 2 },
			"another hash":          func(r map[string]any) { r["password_sha256"] = thumb },
			"nobody, but no list":   func(r map[string]any) { r["recipients"] = nil },
			"a recipient by name":   func(r map[string]any) { r["recipients"] = []any{"person"} },
			"a recipient that is 1": func(r map[string]any) { r["recipients"] = []any{1} },
		},
	}
	for name, records := range written(t) {
		schema := compile(t, name)
		_, always := members(published[name])
		for _, record := range records {
			for what, spoil := range broken[name] {
				spoilt := maps.Clone(record)
				spoil(spoilt)
				if schema.Validate(spoilt) == nil {
					t.Errorf("%s: %s is valid: %v", name, what, spoilt)
				}
			}
			for _, member := range always {
				spoilt := maps.Clone(record)
				delete(spoilt, member)
				if schema.Validate(spoilt) == nil {
					t.Errorf("%s: it is valid without %s", name, member)
				}
			}
		}
	}
}
