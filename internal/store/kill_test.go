package store

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
)

var (
	kills    = flag.Int("kills", 200, "how many runs are killed while they write; an eighth of them with -short")
	killSeed = flag.Uint64("seed", 0, "of the kills and of what is written; 0 takes another one each time")
)

// deed is one change of the store: after it, the object of that name is as Want says.
type deed struct {
	Name string
	Want object
	Done bool // it was acknowledged
}

// object is what a test expects of a connection, a key pair or a journal entry.
type object struct {
	There      bool
	Text       string // a connection's name, a journal's display name
	Secret     string // of a connection with a client secret
	Thumbprint string // of a connection with a certificate
}

const (
	mailboxes = 4
	keyPairs  = 2
)

// writeUntilKilled creates, changes and deletes connections, key pairs and a journal entry, and says so before and
// after each.
func writeUntilKilled(what task, _ io.Reader, tell *json.Encoder) error {
	ctx, random := context.Background(), rand.New(rand.NewPCG(what.Seed, 0))
	s, err := Open(fileURL(what.Folder), passphrase)
	if err != nil {
		return err
	}
	var pairs []*certificate.Pair
	for _, file := range what.Keys {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		p, err := certificate.DecodePFX(data, "")
		if err != nil {
			return err
		}
		pairs = append(pairs, p)
	}
	for {
		var next deed
		var act func() error
		switch subject := random.IntN(12); {
		case subject < 9:
			next, act, err = changeConnection(ctx, s, random, pairs, what)
		case subject < 11:
			next, act = changeKeyPair(ctx, s, random, pairs)
		default:
			next, act = changeJournal(ctx, s, random)
		}
		if err != nil {
			return err
		}
		if err := tell.Encode(next); err != nil {
			return err
		}
		if err := act(); err != nil {
			return fmt.Errorf("%s: %w", next.Name, err)
		}
		next.Done = true
		if err := tell.Encode(next); err != nil {
			return err
		}
	}
}

func changeConnection(ctx context.Context, s *Store, random *rand.Rand, pairs []*certificate.Pair, what task) (deed,
	func() error, error) {
	c := withCertificate()
	c.Mailbox = fmt.Sprintf("M%d@contoso.com", random.IntN(mailboxes))
	next := deed{Name: c.Mailbox}
	before, err := s.Connection(ctx, c.TenantID, c.Mailbox, 0)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return deed{}, nil, err
	}
	if err == nil && random.IntN(4) == 0 {
		return next, func() error { return s.DeleteConnection(ctx, tenant, c.Mailbox, c.Owner, 0) }, nil
	}
	c.Name = fmt.Sprintf("%d and a page more of it: %2000d", random.Uint32(), 0)
	next.Want = object{There: true, Text: c.Name}
	var secret *string
	if random.IntN(2) == 0 {
		c.CredentialType, c.CertificateThumbprint = CredentialClientSecret, ""
		secret = new(fmt.Sprint("secret ", random.Uint64()))
		next.Want.Secret = *secret
	} else {
		c.CertificateThumbprint = certificate.Thumbprint(pairs[random.IntN(len(pairs))].Certificate)
		next.Want.Thumbprint = c.CertificateThumbprint
		if random.IntN(2) == 0 { // and another time no more, for which the PFX is packed again
			c.HandoffRecipients = []string{what.Recipient}
		}
	}
	if before.Owner == "" {
		return next, func() error {
			_, err := s.CreateConnection(ctx, c, 0, next.Want.Secret, render)
			return err
		}, nil
	}
	return next, func() error {
		_, _, err := s.UpdateConnection(ctx, c, before.Generation, secret, render)
		return err
	}, nil
}

func changeKeyPair(ctx context.Context, s *Store, random *rand.Rand, pairs []*certificate.Pair) (deed, func() error) {
	p := pairs[random.IntN(len(pairs))]
	next := deed{Name: certificate.Thumbprint(p.Certificate)}
	if random.IntN(3) == 0 {
		return next, func() error { return s.DeleteCertificate(ctx, tenant, next.Name) }
	}
	next.Want = object{There: true}
	return next, func() error {
		err := s.SealCertificate(ctx, tenant, next.Name, now)
		if errors.Is(err, ErrNotFound) || IsUntrusted(err) {
			err = s.SaveCertificate(ctx, tenant, p, certificate.AES256, now)
		}
		return err
	}
}

const journal = "codetwo-target-1a2b"

func changeJournal(ctx context.Context, s *Store, random *rand.Rand) (deed, func() error) {
	next := deed{Name: journal}
	if random.IntN(4) == 0 {
		return next, func() error { return s.DeleteRegistration(ctx, tenant, journal) }
	}
	next.Want = object{There: true, Text: fmt.Sprintf("%d %2000d", random.Uint32(), 0)}
	return next, func() error {
		r, err := s.Registration(ctx, tenant, journal, 0)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		r.TenantID, r.UniqueName, r.DisplayName, r.Marker, r.StartedAt = tenant, journal, next.Want.Text, client, now
		return s.SaveRegistration(ctx, &r, 0, now)
	}
}

// TestNothingAcknowledgedIsLostAndNothingIsHalfWhereverARunIsKilled kills runs at random moments. Whatever a run said
// was done stays as it was said, with its secret and its key; what it was at is as before or as it was to be.
func TestNothingAcknowledgedIsLostAndNothingIsHalfWhereverARunIsKilled(t *testing.T) {
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	count := *kills
	if testing.Short() {
		count /= 8
	}
	t.Logf("repeat with -seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	dir := withIdentity(t)
	what := task{Folder: dir, Keys: filesOfPairs(t), Recipient: newPerson(t).Recipient().String()}
	known, pairs, cutOff := map[string]object{}, keyPairsOf(t, what.Keys), 0
	for round := range count {
		what.Seed = random.Uint64()
		writer := start(t, "writer", what)
		var last deed
		acknowledged, named := 0, map[string]bool{}
		take := func() bool {
			var next deed
			if !writer.read(&next) {
				return false
			}
			named[next.Want.Thumbprint] = true
			if last = next; next.Done {
				known[next.Name] = next.Want
				acknowledged++
			}
			return true
		}
		for range 1 + random.IntN(20) {
			if !take() {
				t.Fatalf("round %d: the run ended by itself", round)
			}
		}
		<-time.After(time.Duration(random.IntN(4000)) * time.Microsecond) // the random moment
		must(t, writer.Process.Kill())
		for take() {
		}
		_ = writer.Wait()

		if !last.Done {
			cutOff++
		}
		check(t, dir, known, last, pairs, named)
		if t.Failed() {
			t.Fatalf("round %d, after %d changes; the last one: %+v", round, acknowledged, last)
		}
	}
	t.Logf("%d runs were killed, %d of them in the middle of a change", count, cutOff)
	if cutOff < count/4 {
		t.Errorf("only %d of %d kills came in the middle of a change", cutOff, count)
	}
}

// check looks at the store as the next run does, and takes what the cut-off deed left for known. The next run, a
// process of its own, does not get far either if it cannot read what it finds.
func check(
	t *testing.T, dir string, known map[string]object, last deed, pairs map[string]*certificate.Pair,
	named map[string]bool, // the certificates that the run's connections named
) {
	t.Helper()
	s := open(t, dir, passphrase)
	if connections, damaged, err := s.Connections(t.Context(), ""); err != nil || len(damaged) > 0 {
		t.Errorf("of %d connections some cannot be read: %v, %v", len(connections), damaged, err)
	}
	names := append(sortedKeys(pairs), journal)
	for i := range mailboxes {
		names = append(names, fmt.Sprintf("M%d@contoso.com", i))
	}
	for _, name := range names {
		cut := !last.Done && name == last.Name
		before, found := known[name], look(t, s, name, pairs)
		// What an interrupted run left of a key pair is taken over by a connection that names it.
		takenOver := pairs[name] != nil && !before.There && found.There && named[name]
		if reflect.DeepEqual(found, before) || cut && reflect.DeepEqual(found, last.Want) || takenOver {
			known[name] = found
			continue
		}
		if cut && inBetween(found, before, last.Want) {
			known[name] = found
			continue
		}
		t.Errorf("%s (cut off: %t)\nbefore  %+v\nwanted  %+v\nis      %+v", name, cut, before, last.Want, found)
	}
}

// inBetween reports whether a connection is in one of the states that an interrupted change may leave, and that the
// next plan repairs: its record is the old one or the new one, and its secret is the record's own, or does not count.
func inBetween(found, before, after object) bool {
	for _, record := range []object{before, after} {
		if found == record {
			return true
		}
		record.Secret = ""
		if found == record {
			return true
		}
	}
	return false
}

// look says what the store holds under a name. Whatever is there has to open.
func look(t *testing.T, s *Store, name string, pairs map[string]*certificate.Pair) object {
	t.Helper()
	if p := pairs[name]; p != nil {
		there, err := s.HasKeyPair(t.Context(), tenant, name)
		must(t, err)
		if !there {
			return object{}
		}
		if got, err := s.KeyPair(t.Context(), tenant, name); err != nil || !got.Key.Equal(p.Key) ||
			!got.Certificate.Equal(p.Certificate) {
			t.Errorf("the key pair %s does not open: %v", name, err)
		}
		return object{There: true}
	}
	if name == journal {
		r, err := s.Registration(t.Context(), tenant, journal, 0)
		if errors.Is(err, ErrNotFound) {
			return object{}
		}
		must(t, err)
		return object{There: true, Text: r.DisplayName}
	}
	c, err := s.Connection(t.Context(), tenant, name, 0)
	if errors.Is(err, ErrNotFound) {
		return object{}
	}
	must(t, err)
	found := object{There: true, Text: c.Name, Thumbprint: c.CertificateThumbprint}
	if c.CredentialType == CredentialClientSecret {
		found.Secret, err = s.ClientSecret(t.Context(), c)
		if err != nil && !errors.Is(err, ErrNotFound) && !IsUntrusted(err) {
			t.Errorf("the secret of %s does not open: %v", name, err)
		}
		if err != nil && drift(t, s, c) == nil {
			t.Errorf("nothing shows of the secret of %s, and it does not open: %v", name, err)
		}
	}
	return found
}

// filesOfPairs writes the key pairs that the killed runs save.
func filesOfPairs(t *testing.T) (files []string) {
	t.Helper()
	for i := range keyPairs {
		p := pair()
		if i > 0 {
			p = newPair()
		}
		data, err := certificate.EncodePFX(p, "", certificate.AES256)
		must(t, err)
		file := filepath.Join(t.TempDir(), "key.pfx")
		must(t, os.WriteFile(file, data, 0o600))
		files = append(files, file)
	}
	return files
}

func keyPairsOf(t *testing.T, files []string) map[string]*certificate.Pair {
	t.Helper()
	pairs := map[string]*certificate.Pair{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		must(t, err)
		p, err := certificate.DecodePFX(data, "")
		must(t, err)
		pairs[certificate.Thumbprint(p.Certificate)] = p
	}
	return pairs
}
