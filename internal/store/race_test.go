package store

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
)

// outcome is what a run tells of one round of a race.
type outcome struct {
	Won    bool
	Winner string // the owner, as the loser's error tells it
	Error  string
}

// race creates one connection a line that it reads, each as its own owner, and spells the mailbox as it likes.
func race(what task, in io.Reader, tell *json.Encoder) error {
	ctx, random := context.Background(), rand.New(rand.NewPCG(what.Seed, 0))
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		s, err := Open(fileURL(what.Folder), passphrase)
		if err != nil {
			return err
		}
		c := withSecret()
		c.Owner, c.Name = what.Owner, "of "+what.Owner
		c.TenantID, c.Mailbox = anyCase(random, c.TenantID), anyCase(random, lines.Text())
		_, err = s.CreateConnection(ctx, c, 0, "secret of "+what.Owner, render)
		result := outcome{Won: err == nil}
		if err != nil {
			result.Error = err.Error()
		}
		if exists, ok := errors.AsType[*ExistsError](err); ok {
			result.Winner = exists.Existing.Owner
		}
		if err := tell.Encode(result); err != nil {
			return err
		}
	}
	return lines.Err()
}

func anyCase(random *rand.Rand, text string) string {
	return strings.Map(func(r rune) rune {
		if random.IntN(2) == 0 {
			return unicode.ToUpper(r)
		}
		return r
	}, text)
}

// TestOfManyRunsThatCreateOneConnectionExactlyOneWinsAndTheOthersNameIt lets processes race for one mailbox after the
// other. They live through all the rounds, so that a round begins for all of them at once and not when they have
// started.
func TestOfManyRunsThatCreateOneConnectionExactlyOneWinsAndTheOthersNameIt(t *testing.T) {
	racers, rounds := 32, 100
	if testing.Short() {
		racers, rounds = 8, 15
	}
	dir := withIdentity(t)
	runs := make([]*run, racers)
	for i := range runs {
		runs[i] = start(t, "racer", task{Folder: dir, Seed: rand.Uint64(), Owner: fmt.Sprintf("racer-%d", i)})
	}
	s := open(t, dir, passphrase)
	wins := map[string]int{}
	for round := range rounds {
		address := fmt.Sprintf("m%d@contoso.com", round)
		for _, r := range runs {
			_, err := io.WriteString(r.In, address+"\n")
			must(t, err)
		}
		winner := winnerOf(t, runs, round, address)
		wins[winner]++
		c, err := s.Connection(t.Context(), tenant, address, 0)
		must(t, err)
		if stored, err := s.ClientSecret(t.Context(), c); err != nil || c.Owner != winner ||
			stored != "secret of "+winner {
			t.Errorf("round %d: %s won, the record is %s's, the secret %q (%v)", round, winner, c.Owner, stored, err)
		}
		if err := drift(t, s, c); err != nil {
			t.Errorf("round %d: the plan shows: %v", round, err)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	for _, r := range runs {
		must(t, r.In.Close())
		must(t, r.Wait())
	}
	if connections, damaged, err := s.Connections(t.Context(), ""); err != nil || len(damaged) > 0 ||
		len(connections) != rounds {
		t.Errorf("%d connections, %v, %v", len(connections), damaged, err)
	}
	t.Logf("%d of %d runs won one of %d rounds", len(wins), racers, rounds)
	if len(wins) < 2 {
		t.Error("one run won every round: this was not a race")
	}
}

// winnerOf reads what each racer says of a round, and holds that one won and that the others name it.
func winnerOf(t *testing.T, runs []*run, round int, address string) (winner string) {
	t.Helper()
	outcomes := make([]outcome, len(runs))
	for i, r := range runs {
		if !r.read(&outcomes[i]) {
			t.Fatalf("round %d: racer-%d ended", round, i)
		}
		if !outcomes[i].Won {
			continue
		}
		if winner != "" {
			t.Errorf("round %d: both %s and racer-%d won", round, winner, i)
		}
		winner = fmt.Sprintf("racer-%d", i)
	}
	advice := "import this connection as " + tenant + "/" + address
	for i, o := range outcomes {
		if !o.Won && (o.Winner != winner || !strings.Contains(o.Error, "of "+winner) || !strings.Contains(o.Error, advice)) {
			t.Errorf("round %d: %s won, and racer-%d is told: %s", round, winner, i, o.Error)
		}
	}
	return winner
}

// raceToUpdate updates the mailbox's connection once a line that it reads, each with a secret of its own.
func raceToUpdate(what task, in io.Reader, tell *json.Encoder) error {
	ctx := context.Background()
	s, err := Open(fileURL(what.Folder), passphrase)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		c := withSecret()
		c.Name = what.Owner + " in round " + lines.Text()
		_, _, err := s.UpdateConnection(ctx, c, 0, new("secret of "+c.Name), render)
		result := outcome{Won: err == nil}
		if err != nil {
			result.Error = err.Error()
			if !errors.Is(err, place.ErrChanged) {
				return err
			}
		}
		if err := tell.Encode(result); err != nil {
			return err
		}
	}
	return lines.Err()
}

// winnersOf returns the names that those racers gave the connection who say that they updated it.
func winnersOf(t *testing.T, runs []*run, round int) map[string]bool {
	t.Helper()
	winners := map[string]bool{}
	for i, r := range runs {
		var o outcome
		if !r.read(&o) {
			t.Fatalf("round %d: racer-%d ended", round, i)
		}
		if o.Won {
			winners[fmt.Sprintf("racer-%d in round %d", i, round)] = true
		}
	}
	return winners
}

func TestRunsThatUpdateOneConnectionTakeTurnsAndTheRecordHasTheFilesOfTheLast(t *testing.T) {
	racers, rounds := 4, 50
	if testing.Short() {
		rounds = 10
	}
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	create(t, s, withSecret())
	runs := make([]*run, racers)
	for i := range runs {
		runs[i] = start(t, "update", task{Folder: dir, Owner: fmt.Sprintf("racer-%d", i)})
	}
	for round := range rounds {
		for _, r := range runs {
			_, err := fmt.Fprintln(r.In, round)
			must(t, err)
		}
		winners := winnersOf(t, runs, round)
		if len(winners) != racers {
			t.Errorf("round %d: only %v updated it", round, winners)
		}
		c := read(t, s)
		if !winners[c.Name] {
			t.Errorf("%v won, and the record is of %s", winners, c.Name)
		}
		value, err := s.ClientSecret(t.Context(), c)
		if err != nil || value != "secret of "+c.Name {
			t.Errorf("the record of %s has the secret %q, %v", c.Name, value, err)
		}
		hasNoDrift(t, s)
		if t.Failed() {
			t.FailNow()
		}
	}
	for _, r := range runs {
		must(t, r.In.Close())
		must(t, r.Wait())
	}
}

// saveRepeatedly saves and deletes the key pair of a file once a line that it reads.
func saveRepeatedly(what task, in io.Reader, tell *json.Encoder) error {
	ctx := context.Background()
	data, err := os.ReadFile(what.Keys[0])
	if err != nil {
		return err
	}
	p, err := certificate.DecodePFX(data, "")
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		s, err := Open(fileURL(what.Folder), passphrase)
		if err == nil {
			err = s.SaveCertificate(ctx, tenant, p, certificate.AES256, now)
		}
		if err != nil {
			return err
		}
		if err := tell.Encode(outcome{Won: true}); err != nil {
			return err
		}
	}
	return lines.Err()
}

func TestProcessesThatSaveOneCertificateAtOnceLeaveOnePairThatOpens(t *testing.T) {
	savers, rounds := 4, 25
	if testing.Short() {
		rounds = 5
	}
	dir := withIdentity(t)
	file := filepath.Join(t.TempDir(), "key.pfx")
	data, err := certificate.EncodePFX(pair(), "", certificate.AES256)
	must(t, err)
	must(t, os.WriteFile(file, data, 0o600))
	runs := make([]*run, savers)
	for i := range runs {
		runs[i] = start(t, "saver", task{Folder: dir, Keys: []string{file}})
	}
	for round := range rounds {
		for _, r := range runs {
			_, err := fmt.Fprintln(r.In, round)
			must(t, err)
		}
		for i, r := range runs {
			var o outcome
			if !r.read(&o) {
				t.Fatalf("round %d: saver %d ended", round, i)
			}
		}
		opensKey(t, dir)
		checkNoneLeft(t, dir)
		if round%2 == 0 {
			must(t, open(t, dir, passphrase).DeleteCertificate(t.Context(), tenant, thumbprint()))
		} else {
			removeFile(t, dir, keyFiles(t).record)
		}
	}
	for _, r := range runs {
		must(t, r.In.Close())
		must(t, r.Wait())
	}
}
