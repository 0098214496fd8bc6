package store

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
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
		s, err := Open(fileURL(what.Folder), "")
		if err != nil {
			return err
		}
		c := withSecret()
		c.Owner, c.Name = what.Owner, "of "+what.Owner
		c.TenantID, c.Mailbox = anyCase(random, c.TenantID), anyCase(random, lines.Text())
		_, err = s.CreateConnection(ctx, c, "secret of "+what.Owner)
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
		rounds = 40
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
		c, err := s.Connection(t.Context(), tenant, address)
		must(t, err)
		if stored, err := s.ClientSecret(t.Context(), tenant, address); err != nil || c.Owner != winner ||
			stored != "secret of "+winner {
			t.Errorf("round %d: %s won, the record is %s's, the secret %q (%v)", round, winner, c.Owner, stored, err)
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
