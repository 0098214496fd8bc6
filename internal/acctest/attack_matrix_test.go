//go:build linux

package acctest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/storetest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// The matrix plays what somebody can do to the files of a store before and during an operation, and holds the tenant
// and the store against an oracle that listens to nothing the provider says. An operation may fail in it.

// matrixWorkers play side by side, each with a sandbox and a store of its own.
const matrixWorkers = 2

// connectionType is the connection's resource type.
const connectionType = "codetwo_target_connection"

// The operations of the matrix. Except for create, they begin with a registration, two connections that sign in with
// its certificate (a and b), and one with a client secret (c).
const (
	opCreate  = "create"  // of all four, in a tenant and a store without them
	opPlan    = "plan"    // of what is declared already
	opRotate  = "rotate"  // to the settings of the certificate that the last rotation replaced
	opUpdate  = "update"  // other names and recipients, and another client secret
	opDestroy = "destroy" // of a, c and the registration, while b still names the certificate
)

var operations = []string{opCreate, opPlan, opRotate, opUpdate, opDestroy}

// What a writer does to a file.
const (
	deleted           = "deleted"
	emptied           = "emptied"
	halved            = "halved"
	earlier           = "an earlier version of itself"
	ofAnotherObject   = "one of another connection or key"
	ofAnotherTenant   = "one of another tenant"
	ofAnotherIdentity = "one of a store of another identity"
	linked            = "a link out of the store"
	piped             = "a pipe"
	gigantic          = "a file of 6 GB"
	forgedPlain       = "forged, of the format of before"
	forgedSealed      = "forged, sealed with a made-up mac"
	forgedBorrowed    = "forged, sealed with the mac of another file"
)

// forgery begins the kinds that forge a record. Where a journal is forged for a create, a stranger has an application
// of the registration's unique name; with the version binned, it is in the recycle bin.
const (
	forgery = "forged"
	binned  = 1
)

// wholeStore is the role of all files at once.
const wholeStore = "(the whole store)"

// combination is one attack on one operation.
type combination struct {
	operation string
	role      string // a file, with what differs from tenant to tenant replaced
	kind      string
	version   int  // of an earlier one
	during    bool // the operation, between two of its requests; else before it
}

func (c combination) String() string {
	when := "before"
	if c.during {
		when = "during"
	}
	return fmt.Sprintf("%s %s: %s is %s (%d)", when, c.operation, c.role, c.kind, c.version)
}

// world is one tenant with what the operations begin with, and with the history of its store.
type world struct {
	i        int
	tenantID string
	names    *strings.Replacer // from roles to names
	roles    *strings.Replacer // and back
	stages   []string          // folders: the store after each operation, the last one as it is now
	versions map[string][]string
	journals []string // of the registration, as they were between requests, oldest first
	objects  map[string]*acctest.Object
	stranger acctest.HandmadeApp // of somebody else
	namesake acctest.HandmadeApp // likewise, with the registration's unique name, where a combination wants one
	known    map[string]bool     // the thumbprint of every certificate there was until now
}

// content is the newest version of a file.
func (w *world) content(role string) (string, bool) {
	versions := w.versions[role]
	if len(versions) == 0 {
		return "", false
	}
	return versions[len(versions)-1], true
}

// matrix is one worker's.
type matrix struct {
	t    *testing.T
	env  *acctest.Env
	lot  *rand.Rand
	next int // tenant without a world

	// friend may read a's secrets, colleague joins with the update, and the others nothing; former could until the first
	// update.
	own, other                        map[string]string // files of identities: the store's and another one's
	identity, foreign                 age.Identity
	writer, friend, colleague, former *age.X25519Identity
	planted                           map[string]string // files of a key pair of the writer's, by extension
	plantedThumbprint                 string

	neighbour, stranger, blank *world
	spare                      *world // one whose tenant and store no operation has changed

	lines    map[string]bool // normalized, of every sheet and script that the provider wrote
	requests map[string]int  // of each operation
}

func newMatrix(t *testing.T, lot *rand.Rand, tenants int) *matrix {
	t.Helper()
	m := &matrix{t: t, lot: lot, lines: map[string]bool{}, requests: map[string]int{},
		writer: newIdentity(t), friend: newIdentity(t), colleague: newIdentity(t), former: newIdentity(t)}
	// Lag and faults are other tests' subject, and the oracle looks at once.
	m.env = acctest.Start(t, sandbox.Options{Tenants: tenants, Profile: "instant"})
	m.own, m.identity = identityFiles(t)
	m.other, m.foreign = identityFiles(t)
	m.plantedPair()
	m.neighbour, m.blank = m.build(m.own), m.build(m.own)
	m.stranger = m.build(m.other)
	m.clear(m.blank)
	m.rehearse()
	return m
}

// identityFiles are the files that make a new store with the test's passphrase.
func identityFiles(t *testing.T) (map[string]string, age.Identity) {
	t.Helper()
	folder := t.TempDir()
	storetest.Make(t, folder, acctest.Passphrase)
	return contents(t, folder), openStore(t, folder)
}

// plantedPair makes a key pair that the writer knows, with the settings that the provider's would have.
func (m *matrix) plantedPair() {
	m.t.Helper()
	from := time.Now().UTC().Truncate(time.Second).Add(-5 * time.Minute)
	pair, err := certificate.Generate(rand.NewChaCha8([32]byte{}), certificate.Template{CommonName: "CodeTwo",
		KeySize: 2048, NotBefore: from, NotAfter: from.AddDate(5, 0, 0)})
	if err != nil {
		m.t.Fatal(err)
	}
	pfx, err := certificate.EncodePFX(pair, knownPassword, certificate.AES256)
	if err != nil {
		m.t.Fatal(err)
	}
	own, ok := m.identity.(*age.X25519Identity)
	if !ok {
		m.t.Fatal("the store's identity is of another kind")
	}
	m.plantedThumbprint = certificate.Thumbprint(pair.Certificate)
	m.planted = map[string]string{
		".cer": certificate.EncodePEM(pair.Certificate), ".pfx": string(pfx),
		".password.age": string(encryptTo(m.t, knownPassword, own.Recipient())),
	}
}

// declared is what the operator wants.
type declared struct {
	years, days         int64
	label               string
	secretVersion       int64
	recipientsA, others []*age.X25519Identity
}

func (m *matrix) stage(number int) declared {
	switch number {
	case 1:
		return declared{5, 0, "one", 1, []*age.X25519Identity{m.friend, m.former}, []*age.X25519Identity{m.former}}
	case 2:
		return declared{4, 0, "one", 2, []*age.X25519Identity{m.friend}, nil}
	}
	panic("there is no such stage")
}

// wanted is what an operation is to bring about.
func (m *matrix) wanted(operation string) declared {
	d := m.stage(2)
	switch operation {
	case opCreate:
		d.years = 5
	case opRotate:
		d.years, d.days = 5, 30
	case opUpdate:
		d.days, d.label, d.secretVersion, d.recipientsA = 30, "two", 3, []*age.X25519Identity{m.friend, m.colleague}
	}
	return d
}

const attackedTypes = "registration a b c" // in the order in which they are applied

func (w *world) mailbox(name string) string { return name + "@contoso.com" }

// config is what is declared of one object.
func (w *world) config(objects map[string]*acctest.Object, name string, d declared) tftypes.Value {
	text := func(value string) tftypes.Value { return tftypes.NewValue(tftypes.String, value) }
	number := func(value int64) tftypes.Value { return tftypes.NewValue(tftypes.Number, value) }
	o := objects[name]
	if name == "registration" {
		return o.Config(map[string]tftypes.Value{
			"tenant_id": text(w.tenantID), "unique_name": text(attackedName), "display_name": text("CodeTwo " + d.label),
			"restore_deleted": tftypes.NewValue(tftypes.Bool, true),
			"certificate": o.Nested("certificate", map[string]tftypes.Value{
				"validity_years": number(d.years), "previous_certificate_days": number(d.days),
			}),
		})
	}
	recipients := d.others
	attributes := map[string]tftypes.Value{
		"tenant_id": text(w.tenantID), "mailbox": text(w.mailbox(name)), "name": text(d.label),
	}
	if name == "c" {
		attributes["client_id"] = text("11111111-2222-3333-4444-555555555555")
		attributes["client_secret_wo"] = text(fmt.Sprintf("client secret number %d", d.secretVersion))
		attributes["client_secret_wo_version"] = number(d.secretVersion)
	} else {
		attributes["client_id"] = text(objects["registration"].Text("client_id"))
		attributes["certificate_thumbprint"] = text(objects["registration"].Text("certificate", "thumbprint"))
		if recipients = nil; name == "a" {
			recipients = d.recipientsA
		}
	}
	if len(recipients) > 0 {
		var keys []tftypes.Value
		for _, recipient := range recipients {
			keys = append(keys, text(recipient.Recipient().String()))
		}
		attributes["handoff_recipients"] = tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, keys)
	}
	return o.Config(attributes)
}

// applyAll applies all objects as Terraform does: what depends on something that failed is left out. It returns which
// passed.
func (w *world) applyAll(ctx context.Context, objects map[string]*acctest.Object, d declared) (map[string]bool, error) {
	passed := map[string]bool{}
	var problems []error
	for _, name := range strings.Fields(attackedTypes) {
		if (name == "a" || name == "b") && !passed["registration"] {
			continue
		}
		_, err := objects[name].Apply(ctx, w.config(objects, name, d))
		passed[name] = err == nil
		problems = append(problems, err)
	}
	return passed, errors.Join(problems...)
}

// objectsOf are the objects as the state holds them, served by a provider of their own.
func (m *matrix) objectsOf(w *world, before func()) map[string]*acctest.Object {
	m.t.Helper()
	p := m.env.Protocol(m.env.Tenant(0).Callers.Full, acctest.WithTransport(beforeEachRequest(before)))
	objects := map[string]*acctest.Object{}
	for _, name := range strings.Fields(attackedTypes) {
		switch known := w.objects[name]; {
		case known != nil:
			objects[name] = known.On(p)
		case name == "registration":
			objects[name] = p.Object(registrationType)
		default:
			objects[name] = p.Object(connectionType)
		}
	}
	return objects
}

// build makes a world in a tenant of its own, in a store of that identity.
func (m *matrix) build(identity map[string]string) *world {
	m.t.Helper()
	w := &world{i: m.next, tenantID: m.env.Tenant(m.next).TenantID, versions: map[string][]string{},
		known: map[string]bool{}}
	m.next++
	w.stranger = m.env.RegisterByHand(w.tenantID, "Payroll")
	gone := m.env.Graph(w.tenantID, http.MethodPost, "/applications", map[string]any{"displayName": "Former payroll"})
	m.env.Graph(w.tenantID, http.MethodDelete, "/applications/"+gone["id"].(string), nil)
	m.refill(func() {
		for name, content := range identity {
			m.must(os.WriteFile(filepath.Join(m.env.Store, name), []byte(content), 0o600))
		}
	})
	journal := filepath.Join(m.env.Store, w.tenantID, "registrations", attackedName+".json")
	objects := m.objectsOf(w, func() {
		if content, err := os.ReadFile(journal); err == nil && !slices.Contains(w.journals, string(content)) {
			w.journals = append(w.journals, string(content))
		}
	})
	var thumbprints []string
	for number := 1; number <= 2; number++ {
		if _, err := w.applyAll(m.t.Context(), objects, m.stage(number)); err != nil {
			m.t.Fatalf("stage %d without an attack: %v", number, err)
		}
		thumbprints = append(thumbprints, objects["registration"].Text("certificate", "thumbprint"))
		stage := filepath.Join(m.t.TempDir(), "stage")
		m.must(os.CopyFS(stage, os.DirFS(m.env.Store)))
		w.stages = append(w.stages, stage)
	}
	w.objects = objects
	pairs := []string{w.tenantID, "<tenant>", thumbprints[0], "<rotated>", thumbprints[1], "<current>"}
	w.roles = strings.NewReplacer(pairs...)
	for i := 0; i < len(pairs); i += 2 {
		pairs[i], pairs[i+1] = pairs[i+1], pairs[i]
	}
	w.names = strings.NewReplacer(pairs...)
	w.known[thumbprints[0]], w.known[thumbprints[1]] = true, true
	for _, journal := range w.journals {
		w.remember("<tenant>/registrations/"+attackedName+".json", journal)
	}
	for _, stage := range w.stages {
		for name, content := range contents(m.t, stage) {
			w.remember(w.roles.Replace(name), content)
			if strings.HasPrefix(w.roles.Replace(name), "<tenant>/handoff/") {
				m.learn(content)
			}
		}
	}
	return w
}

func (w *world) remember(role, content string) {
	if versions := w.versions[role]; !strings.HasPrefix(role, ".") &&
		(len(versions) == 0 || versions[len(versions)-1] != content) {
		w.versions[role] = append(versions, content)
	}
}

// refill empties the store's folder, and fills it.
func (m *matrix) refill(fill func()) {
	m.t.Helper()
	m.must(os.RemoveAll(m.env.Store))
	m.must(os.MkdirAll(m.env.Store, 0o700))
	fill()
}

func (m *matrix) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// clear removes what a world's registration made in the tenant, and the stranger's namesake, for good.
func (m *matrix) clear(w *world) {
	m.t.Helper()
	var gone []string
	state := m.env.State(w.i)
	for _, application := range state.Applications {
		if application.UniqueName == attackedName {
			m.env.Graph(w.tenantID, http.MethodDelete, "/applications/"+application.ObjectID, nil)
			gone = append(gone, application.ClientID)
		}
	}
	for _, item := range m.env.State(w.i).DeletedItems {
		if slices.Contains(gone, item.ClientID) || item.ObjectID == w.namesake.ObjectID {
			m.env.Graph(w.tenantID, http.MethodDelete, "/directory/deletedItems/"+item.ObjectID, nil)
		}
	}
	w.namesake = acctest.HandmadeApp{}
}

// meetNamesake gives a stranger an application of the registration's unique name, if the combination wants one.
func (m *matrix) meetNamesake(w *world, c combination) {
	m.t.Helper()
	if c.operation != opCreate || c.during || !strings.Contains(c.role, "/registrations/") ||
		!strings.HasPrefix(c.kind, forgery) {
		return
	}
	made := m.env.Graph(w.tenantID, http.MethodPost, "/applications",
		map[string]any{"displayName": "Payroll abroad", "uniqueName": attackedName})
	w.namesake = acctest.HandmadeApp{ObjectID: made["id"].(string), ClientID: made["appId"].(string)}
	if c.version == binned {
		m.env.Graph(w.tenantID, http.MethodDelete, "/applications/"+w.namesake.ObjectID, nil)
	}
}

// victim is the stranger's application that a forged journal names.
func (w *world) victim() acctest.HandmadeApp {
	if w.namesake.ObjectID != "" {
		return w.namesake
	}
	return w.stranger
}

var changing = regexp.MustCompile(`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9A-Fa-f]{40,}|age1[a-z0-9]+|` +
	`[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+Z)?|\b[0-9]{2}:[0-9]{2} UTC|\b[abc]@contoso\.com|CodeTwo (one|two)|\b(one|two)\b`)

func normalized(line string) string {
	return changing.ReplaceAllString(strings.TrimSpace(line), "*")
}

// learn notes the lines of a sheet or script that the provider wrote.
func (m *matrix) learn(content string) {
	for line := range strings.Lines(content) {
		m.lines[normalized(line)] = true
	}
}

// rehearse plays every operation without an attack: it has to pass, and shows what is written and how many requests
// there are.
func (m *matrix) rehearse() {
	m.t.Helper()
	for _, operation := range operations {
		came := m.play(combination{operation: operation}, 0)
		if came.err != nil || len(came.violations) > 0 {
			m.t.Fatalf("%s without an attack: %v, %q", operation, came.err, came.violations)
		}
		m.requests[operation] = came.requests
		for name, content := range contents(m.t, m.env.Store) {
			if strings.Contains(name, "handoff") {
				m.learn(content)
			}
		}
		m.settle(operation, came)
	}
}

// settle leaves behind a world that an operation has changed.
func (m *matrix) settle(operation string, came outcome) {
	switch {
	case operation == opCreate:
		m.clear(m.blank)
	case operation != opPlan || len(came.violations) > 0:
		m.spare = nil
	}
}

// combinations are all attacks on all operations, given which files there are.
func (m *matrix) combinations() []combination {
	var all []combination
	for _, operation := range operations {
		var attacks []combination
		for _, role := range slices.Sorted(maps.Keys(m.neighbour.versions)) {
			attacks = append(attacks, m.attacksOn(role)...)
		}
		for _, folder := range []string{".unfinished", "<tenant>", "<tenant>/registrations", "<tenant>/certificates",
			"<tenant>/connections", "<tenant>/handoff"} {
			attacks = append(attacks, combination{role: folder, kind: linked})
		}
		for _, kind := range []string{deleted, earlier, ofAnotherIdentity} {
			attacks = append(attacks, combination{role: wholeStore, kind: kind})
		}
		for _, c := range attacks {
			outermost := c.role == wholeStore || !strings.Contains(c.role, "/")
			if operation == opCreate && c.kind == ofAnotherIdentity && outermost {
				continue // no state names a store yet, so this one is as good as any other
			}
			c.operation = operation
			all = append(all, c)
			c.during = true
			all = append(all, c)
		}
	}
	return all
}

// attacksOn are the attacks on one file, whatever the operation.
func (m *matrix) attacksOn(role string) []combination {
	kinds := []string{deleted, emptied, halved, linked, piped, gigantic, ofAnotherTenant, ofAnotherIdentity}
	if _, there := m.neighbour.content(sibling(role)); there && sibling(role) != role {
		kinds = append(kinds, ofAnotherObject)
	}
	if strings.HasSuffix(role, ".json") {
		kinds = append(kinds, forgedPlain, forgedSealed, forgedBorrowed)
	}
	var attacks []combination
	for _, kind := range kinds {
		attacks = append(attacks, combination{role: role, kind: kind})
		if strings.HasPrefix(kind, forgery) && strings.Contains(role, "/registrations/") {
			attacks = append(attacks, combination{role: role, kind: kind, version: binned})
		}
	}
	versions := m.neighbour.versions[role]
	if _, err := os.Stat(filepath.Join(m.neighbour.stages[1], m.neighbour.names.Replace(role))); err == nil {
		versions = versions[:len(versions)-1] // the last one is there
	}
	for version := range versions {
		attacks = append(attacks, combination{role: role, kind: earlier, version: version})
	}
	return attacks
}

// sibling is a role of the same kind: a file of another connection, or of the other key.
func sibling(role string) string {
	return strings.NewReplacer("/a@", "/b@", "/b@", "/a@", "/c@", "/a@", "<current>", "<rotated>", "<rotated>",
		"<current>").Replace(role)
}

// outcome is what came of a combination.
type outcome struct {
	err        error
	requests   int
	violations []string
}

const (
	operationTime = 20 * time.Second
	// pipeTime is shorter, since a pipe blocks for ever or not at all.
	pipeTime = 5 * time.Second
	// muchRead is how many bytes an operation cannot need.
	muchRead = 64 << 20
)

// play plays one combination. moment is the request before which the writer acts; 0 is before the operation.
func (m *matrix) play(c combination, moment int) outcome {
	m.t.Helper()
	w := m.blank
	if c.operation != opCreate {
		if m.spare == nil {
			m.spare = m.build(m.own)
		}
		w = m.spare
	}
	m.refill(func() {
		if c.operation != opCreate {
			m.must(os.RemoveAll(m.env.Store))
			m.must(os.CopyFS(m.env.Store, os.DirFS(w.stages[len(w.stages)-1])))
			return
		}
		for name, content := range m.own {
			m.must(os.WriteFile(filepath.Join(m.env.Store, name), []byte(content), 0o600))
		}
	})
	m.meetNamesake(w, c)
	s := &scenery{m: m, w: w, c: c, before: m.env.State(w.i)}
	act := func() {
		if c.kind != "" {
			s.tamper()
		}
		s.files = contents(m.t, m.env.Store)
	}
	if moment == 0 {
		act()
	}
	var seen atomic.Int64
	fresh := *w
	if c.operation == opCreate {
		fresh.objects = nil
	}
	objects := m.objectsOf(&fresh, func() {
		if moment > 0 && int(seen.Load()) == moment-1 {
			act()
		}
		seen.Add(1)
	})
	err := s.within(func(ctx context.Context) error { return s.operate(ctx, objects) })
	if s.files == nil { // the operation ended before that request
		act()
	}
	if moment > 0 && c.operation != opPlan && c.operation != opDestroy && !s.hung {
		// What the writer did after a file was written shows in the next run.
		err = s.within(func(ctx context.Context) error { return s.operate(ctx, objects) })
	}
	s.judge(objects)
	return outcome{err: err, requests: int(seen.Load()), violations: s.violations}
}

// scenery is one combination while it is played.
type scenery struct {
	m       *matrix
	w       *world
	c       combination
	before  sandbox.TenantState
	files   map[string]string // of the store when the writer had acted
	outside string            // a folder outside of the store, if there is one
	kept    map[string]string // its files
	passed  map[string]bool
	hung    bool

	violations []string
}

func (s *scenery) violated(format string, arguments ...any) {
	s.violations = append(s.violations, fmt.Sprintf(format, arguments...))
}

// operate does what the combination's operation does.
func (s *scenery) operate(ctx context.Context, objects map[string]*acctest.Object) error {
	switch s.c.operation {
	case opPlan:
		var problems []error
		for _, name := range strings.Fields(attackedTypes) {
			_, err := objects[name].Plan(ctx, s.w.config(objects, name, s.m.wanted(opPlan)))
			problems = append(problems, err)
		}
		return errors.Join(problems...)
	case opDestroy:
		var problems []error
		for _, name := range []string{"a", "c", "registration"} {
			problems = append(problems, objects[name].Destroy(ctx))
		}
		return errors.Join(problems...)
	}
	var err error
	s.passed, err = s.w.applyAll(ctx, objects, s.m.wanted(s.c.operation))
	return err
}

// giants lets one worker at a time have a giant, and remembers whether one was ever read: the next ones are smaller
// then, to spare the machine.
var giants struct {
	sync.Mutex
	read atomic.Bool
}

// within runs an operation with a deadline. One that does not heed it is helped to its end, so that it disturbs nothing
// later.
func (s *scenery) within(do func(context.Context) error) error {
	limit := operationTime
	switch s.c.kind {
	case piped:
		limit = pipeTime
	case gigantic:
		giants.Lock()
		defer giants.Unlock()
	}
	ctx, cancel := context.WithTimeout(s.m.t.Context(), limit)
	defer cancel()
	done := make(chan error, 1)
	read := readSoFar()
	go func() { done <- do(ctx) }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline, lost := time.After(limit), time.After(limit+time.Minute)
	for {
		select {
		case err := <-done:
			if errors.Is(err, context.DeadlineExceeded) {
				s.violated("hang: the operation used all of its time")
			}
			return err
		case <-deadline:
			s.hung = true
			s.violated("hang: the operation did not end at its deadline")
		case <-lost:
			s.m.t.Fatalf("%s: an operation never ends", s.c)
		case <-tick.C:
			if s.hung && s.c.kind == piped {
				s.unblock()
			}
			if s.c.kind == gigantic && readSoFar()-read > muchRead && !s.hung {
				_ = os.Truncate(s.path(), 0)
				if !giants.read.Swap(true) || !slices.Contains(s.violations, giantRead) {
					s.violated(giantRead)
				}
			}
		}
	}
}

const giantRead = "size: a file of 6 GB is read as a whole"

// unblock ends a read of the pipe, if there is one.
func (s *scenery) unblock() {
	if file, err := os.OpenFile(s.path(), os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
		_ = file.Close()
	}
}

// readSoFar is how many bytes this process has read (proc(5), /proc/pid/io).
func readSoFar() int64 {
	content, _ := os.ReadFile("/proc/self/io")
	rest, _ := strings.CutPrefix(string(content), "rchar: ")
	number, _, _ := strings.Cut(rest, "\n")
	count, _ := strconv.ParseInt(number, 10, 64)
	return count
}

// path is the file that the writer changes.
func (s *scenery) path() string {
	return filepath.Join(s.m.env.Store, filepath.FromSlash(s.w.names.Replace(s.c.role)))
}

// tamper does what the writer does.
func (s *scenery) tamper() {
	m, file := s.m, s.path()
	if s.c.role == wholeStore {
		s.tamperWithAll()
		return
	}
	if s.c.operation == opCreate {
		s.plantEra()
	}
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		newest, _ := s.w.content(s.c.role)
		content = []byte(newest)
	}
	if s.c.kind == linked {
		s.link(file, content)
		return
	}
	m.must(os.MkdirAll(filepath.Dir(file), 0o700))
	m.must(os.RemoveAll(file))
	plant := func(content string) { m.must(os.WriteFile(file, []byte(content), 0o600)) }
	switch s.c.kind {
	case deleted:
	case emptied:
		plant("")
	case halved:
		plant(string(content[:len(content)/2]))
	case earlier:
		versions := s.w.versions[s.c.role]
		plant(versions[min(s.c.version, len(versions)-1)])
	case ofAnotherObject:
		other, _ := s.w.content(sibling(s.c.role))
		plant(other)
	case ofAnotherTenant:
		other, _ := m.neighbour.content(s.c.role)
		plant(other)
	case ofAnotherIdentity:
		other, _ := m.stranger.content(s.c.role)
		plant(strings.ReplaceAll(other, m.stranger.tenantID, s.w.tenantID))
	case piped:
		m.must(syscall.Mkfifo(file, 0o600))
	case gigantic:
		plant(string(content))
		size := int64(6 << 30)
		if giants.read.Load() {
			size = 256 << 20
		}
		m.must(os.Truncate(file, size))
	default:
		plant(s.forged(content))
	}
}

// plantEra gives a new store what goes with the file that the writer plants: the journal and the keys of its time.
func (s *scenery) plantEra() {
	if !strings.Contains(s.c.role, "/registrations/") && !strings.Contains(s.c.role, "/certificates/") {
		return
	}
	stage := s.w.stages[0]
	if strings.Contains(s.c.role, "<current>") {
		stage = s.w.stages[1]
	}
	for name, content := range contents(s.m.t, stage) {
		if strings.Contains(name, "registrations") || strings.Contains(name, "certificates") {
			file := filepath.Join(s.m.env.Store, name)
			s.m.must(os.MkdirAll(filepath.Dir(file), 0o700))
			s.m.must(os.WriteFile(file, []byte(content), 0o600))
		}
	}
}

func (s *scenery) tamperWithAll() {
	m := s.m
	s.m.must(os.RemoveAll(m.env.Store))
	switch s.c.kind {
	case earlier:
		m.must(os.CopyFS(m.env.Store, os.DirFS(s.w.stages[0])))
	case ofAnotherIdentity:
		rename := strings.NewReplacer(m.stranger.tenantID, s.w.tenantID)
		for name, content := range contents(m.t, m.stranger.stages[1]) {
			file := filepath.Join(m.env.Store, rename.Replace(name))
			m.must(os.MkdirAll(filepath.Dir(file), 0o700))
			m.must(os.WriteFile(file, []byte(rename.Replace(content)), 0o600))
		}
	}
}

// link moves a file or a folder out of the store, and puts a link in its place. Everything there is two days old.
func (s *scenery) link(file string, content []byte) {
	m := s.m
	s.outside = filepath.Join(m.t.TempDir(), "outside")
	m.must(os.MkdirAll(s.outside, 0o700))
	m.must(os.WriteFile(filepath.Join(s.outside, "accounts"), []byte("somebody else's"), 0o600))
	target := filepath.Join(s.outside, "linked")
	if info, err := os.Stat(file); (err == nil && info.IsDir()) || path.Ext(s.c.role) == "" || s.c.role == ".unfinished" {
		target = s.outside
		if err == nil {
			m.must(os.CopyFS(target, os.DirFS(file)))
		}
	} else {
		m.must(os.WriteFile(target, content, 0o600))
	}
	longAgo := time.Now().Add(-48 * time.Hour)
	for name := range contents(m.t, s.outside) {
		m.must(os.Chtimes(filepath.Join(s.outside, name), longAgo, longAgo))
	}
	m.must(os.MkdirAll(filepath.Dir(file), 0o700))
	m.must(os.RemoveAll(file))
	m.must(os.Symlink(target, file))
	s.kept = contents(m.t, s.outside)
}

// forged is a record that serves the writer, written down in the combination's form.
func (s *scenery) forged(content []byte) string {
	m := s.m
	var record map[string]any
	_ = json.Unmarshal(content, &record) // a record that cannot be read is forged from nothing
	if inner, sealed := record["record"].(map[string]any); sealed {
		record = inner
	}
	if record == nil {
		record = map[string]any{}
	}
	delete(record, "schema_version")
	switch {
	case strings.Contains(s.c.role, "/registrations/"):
		record["created"], record["object_id"], record["client_id"] = true, s.w.victim().ObjectID, s.w.victim().ClientID
		record["thumbprints"], record["started_at"] = []string{m.plantedThumbprint}, time.Now().UTC()
		delete(record, "completed_at")
		for extension, content := range m.planted {
			file := filepath.Join(m.env.Store, s.w.tenantID, "certificates", m.plantedThumbprint+extension)
			m.must(os.MkdirAll(filepath.Dir(file), 0o700))
			m.must(os.WriteFile(file, []byte(content), 0o600))
		}
	case strings.Contains(s.c.role, "/connections/"):
		record["handoff_recipients"] = []string{m.writer.Recipient().String()}
	}
	a := &attack{t: m.t, env: m.env}
	switch s.c.kind {
	case forgedPlain:
		return string(plainForm.write(a, record))
	case forgedSealed:
		return string(sealedForm.write(a, record))
	}
	return string(borrowedForm.write(a, record))
}

// judge holds tenant and store against what must never be, whatever the provider said.
func (s *scenery) judge(objects map[string]*acctest.Object) {
	after := s.m.env.State(s.w.i)
	now := map[string]string{}
	if _, err := os.Stat(s.m.env.Store); err == nil {
		now = contents(s.m.t, s.m.env.Store)
	}
	s.judgeTenant(after, objects)
	s.judgeSecrets(now)
	s.judgeKeys(after, now, objects)
	s.judgeHandoffs(now)
	if s.outside != "" {
		if kept := contents(s.m.t, s.outside); !maps.Equal(s.kept, kept) {
			s.violated("outside: the folder outside of the store held %v, and holds %v", slices.Sorted(maps.Keys(s.kept)),
				slices.Sorted(maps.Keys(kept)))
		}
	}
}

func (s *scenery) judgeTenant(after sandbox.TenantState, objects map[string]*acctest.Object) {
	if s.c.operation == opPlan && !reflect.DeepEqual(s.before, after) {
		s.violated("plan: it changed the tenant")
	}
	uploaded := slices.DeleteFunc(thumbprintsIn(after), func(thumbprint string) bool {
		return slices.Contains(thumbprintsIn(s.before), thumbprint)
	})
	for _, thumbprint := range uploaded {
		switch {
		case thumbprint == s.m.plantedThumbprint:
			s.violated("upload: the writer's certificate was uploaded")
		case s.w.known[thumbprint] || s.m.neighbour.known[thumbprint] || s.m.stranger.known[thumbprint]:
			s.violated("upload: a certificate from before, or of another store, was uploaded")
		}
	}
	left := objectsIn(after)
	for _, objectID := range objectsIn(s.before) {
		if !slices.Contains(left, objectID) {
			s.violated("purge: the application %s is gone for good", objectID)
		}
	}
	for _, item := range s.before.DeletedItems {
		if slices.ContainsFunc(after.Applications, func(a sandbox.ApplicationState) bool {
			return a.ObjectID == item.ObjectID
		}) {
			s.violated("restoration: the application %s was restored", item.DisplayName)
		}
	}
	if objects["registration"].Text("object_id") == s.w.victim().ObjectID ||
		!reflect.DeepEqual(ofStranger(s.before, s.w.victim()), ofStranger(after, s.w.victim())) {
		s.violated("adoption: a stranger's application was changed, or is in the state")
	}
}

// ofStranger is what a tenant holds of an application: itself, its service principal, and the grants.
func ofStranger(state sandbox.TenantState, stranger acctest.HandmadeApp) (all []any) {
	for _, application := range state.Applications {
		if application.ClientID == stranger.ClientID {
			all = append(all, application)
		}
	}
	for _, principal := range state.ServicePrincipals {
		if principal.ClientID != stranger.ClientID {
			continue
		}
		all = append(all, principal)
		for _, grant := range state.Grants {
			if grant.PrincipalID == principal.ObjectID {
				all = append(all, grant)
			}
		}
	}
	return all
}

// judgeSecrets looks at the encrypted files that the provider wrote after the writer had acted.
func (s *scenery) judgeSecrets(now map[string]string) {
	m := s.m
	renewed := s.c.operation == opCreate && now["identity.age"] != m.own["identity.age"]
	for _, name := range slices.Sorted(maps.Keys(now)) {
		content := now[name]
		if !strings.HasSuffix(name, ".age") || content == s.files[name] || strings.HasPrefix(content, linkMark) {
			continue
		}
		if name == "identity.age" {
			if s.c.operation != opCreate { // nothing names the store before
				s.violated("identity: another identity was made")
			}
			continue
		}
		for who, identity := range map[string]age.Identity{
			"the writer": m.writer, "a former recipient": m.former, "another store's identity": m.foreign,
		} {
			if opens(content, identity) {
				s.violated("recipient: %s can decrypt %s", who, s.w.roles.Replace(name))
			}
		}
		base := path.Base(filepath.ToSlash(name))
		if !strings.HasPrefix(base, "a@") && strings.Contains(base, "@") &&
			(opens(content, m.friend) || opens(content, m.colleague)) {
			s.violated("recipient: those of another connection can decrypt %s", s.w.roles.Replace(name))
		}
		if !renewed && !opens(content, m.identity) {
			s.violated("recipient: the store itself cannot decrypt %s", s.w.roles.Replace(name))
		}
	}
}

// judgeKeys looks at the keys in the store, and on the application.
func (s *scenery) judgeKeys(after sandbox.TenantState, now map[string]string, objects map[string]*acctest.Object) {
	passwords := s.leakedPasswords()
	for name, content := range now {
		if !strings.HasSuffix(name, ".pfx") || content == s.files[name] || strings.HasPrefix(content, linkMark) {
			continue
		}
		for _, password := range passwords {
			if _, err := certificate.DecodePFX([]byte(content), password); err == nil {
				s.violated("password: %s was packed under a password that others know", s.w.roles.Replace(name))
			}
		}
	}
	named := append(objects["registration"].Texts("certificate", "previous", "thumbprint"),
		objects["registration"].Text("certificate", "thumbprint"))
	record := filepath.Join(s.m.env.Store, s.w.tenantID, "connections", s.w.mailbox("b")+".json")
	if _, err := os.Lstat(record); err == nil { // whatever it is: it may name a key
		named = append(named, objects["b"].Text("certificate_thumbprint"))
	}
	for _, thumbprint := range named {
		name := filepath.Join(s.w.tenantID, "certificates", thumbprint+".pfx")
		_, was := s.files[name]
		if _, is := now[name]; was && !is && thumbprint != "" {
			s.violated("key: the store lost %s, which the state names", s.w.roles.Replace(name))
		}
	}
	known := s.w.objects["registration"].Text("certificate", "thumbprint")
	if s.c.operation != opCreate && slices.Contains(objectsOfApps(after), s.w.objects["registration"].Text("object_id")) &&
		!slices.Contains(thumbprintsIn(after), known) {
		s.violated("key: the application lost the certificate that the state names")
	}
}

func objectsOfApps(state sandbox.TenantState) (ids []string) {
	for _, application := range state.Applications {
		ids = append(ids, application.ObjectID)
	}
	return ids
}

// leakedPasswords are those that somebody else can know: of keys that a former recipient could open, of another store,
// and the writer's.
func (s *scenery) leakedPasswords() []string {
	passwords := []string{knownPassword}
	for _, w := range []*world{s.w, s.m.neighbour, s.m.stranger} {
		for role, versions := range w.versions {
			if !strings.HasSuffix(role, "password.age") {
				continue
			}
			for _, content := range versions {
				for _, identity := range []age.Identity{s.m.former, s.m.foreign} {
					if password, ok := plainText(content, identity); ok {
						passwords = append(passwords, password)
					}
				}
			}
		}
	}
	return passwords
}

// judgeHandoffs looks at sheets and scripts of connections whose apply passed.
func (s *scenery) judgeHandoffs(now map[string]string) {
	if len(s.m.requests) < len(operations) || slices.Contains(s.violations, giantRead) {
		return // it is rehearsed to learn what the provider writes, or the file was cut off to spare the machine
	}
	for _, name := range []string{"a", "b", "c"} {
		if !s.passed[name] {
			continue
		}
		base := filepath.Join(s.w.tenantID, "handoff", s.w.mailbox(name))
		sheet, there := now[base+".html"]
		if strings.HasPrefix(sheet, linkMark) {
			s.violated("sheet: of %s it is a link after an apply that passed", name)
			continue
		}
		if !there || !strings.Contains(sheet, "</html>") {
			s.violated("sheet: of %s there is no whole sheet after an apply that passed", name)
		}
		for _, extension := range []string{".html", ".ps1"} {
			content := now[base+extension]
			if strings.HasPrefix(content, linkMark) {
				s.violated("sheet: the script of %s is a link after an apply that passed", name)
				continue
			}
			for line := range strings.Lines(content) {
				if !s.m.lines[normalized(line)] {
					s.violated("sheet: %s%s has a line that the provider did not write: %.80q", name, extension, line)
					break
				}
			}
		}
		if other := regexp.MustCompile(`\b[abc]@contoso\.com`).FindAllString(sheet, -1); slices.ContainsFunc(other,
			func(found string) bool { return found != s.w.mailbox(name) }) {
			s.violated("sheet: that of %s names another mailbox", name)
		}
	}
}

// tally is what all workers found.
type tally struct {
	guard          sync.Mutex
	played, passed int
	violations     map[string]int // by their rule
}

func (y *tally) add(came outcome) {
	y.guard.Lock()
	defer y.guard.Unlock()
	y.played++
	if came.err == nil {
		y.passed++
	}
	for _, violation := range came.violations {
		rule, _, _ := strings.Cut(violation, ":")
		y.violations[rule]++
	}
}

// playMatrix plays so many combinations, or all of them if there are fewer.
func playMatrix(t *testing.T, count int) {
	seed := seedOf(t)
	y := &tally{violations: map[string]int{}}
	t.Run("workers", func(t *testing.T) {
		for worker := range matrixWorkers {
			t.Run(strconv.Itoa(worker), func(t *testing.T) {
				t.Parallel()
				m := newMatrix(t, rand.New(rand.NewPCG(seed, uint64(worker))), count/matrixWorkers+12)
				m.work(worker, count, rand.New(rand.NewPCG(seed, 0)), y) // the same lot for all workers
			})
		}
	})
	t.Logf("%d combinations played, %d of them without an error of the provider; violations: %v", y.played, y.passed,
		y.violations)
	if y.played < count {
		t.Errorf("only %d combinations of %d were played", y.played, count)
	}
}

// work plays this worker's share of the combinations that were drawn.
func (m *matrix) work(worker, count int, draw *rand.Rand, y *tally) {
	all := m.combinations()
	for at, chosen := range draw.Perm(len(all))[:min(count, len(all))] {
		if at%matrixWorkers != worker {
			continue
		}
		c, moment := all[chosen], 0
		if c.during {
			moment = 1 + m.lot.IntN(m.requests[c.operation])
		}
		came := m.play(c, moment)
		y.add(came)
		for _, violation := range came.violations {
			m.t.Errorf("%s, at request %d: %s", c, moment, violation)
		}
		m.settle(c.operation, came)
	}
}

func TestAccStore_SixtyAttacksByLotChangeNothingThatAnybodyActsOn(t *testing.T) {
	t.Parallel()
	playMatrix(t, 60)
}
