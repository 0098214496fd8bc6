package acctest_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

// Users and their group. They need no entry in /etc/passwd, and are in no range that Debian or systemd hands out
// (systemd.io: "Users, Groups, UIDs and GIDs on systemd Systems").
const (
	annasID    = 61001
	bensID     = 61002
	outsiderID = 61003
	teamID     = 61100
)

// team is a sandbox and a store that several users of this machine use, each with a CLI of their own.
type team struct {
	t       *testing.T
	env     *acctest.Env
	tenant  sandbox.TenantEntry
	program string // the CLI
	config  string // its configuration, which installs the provider
}

// user is a user of this machine.
type user struct {
	*team
	id, group   int
	groups      []uint32 // more than that one
	umask       int
	folder      string // of their own, with the configuration and the state
	environment []string
}

// needsRoot says that a test needs root, in the form that CI collects.
func needsRoot(t *testing.T) bool {
	t.Helper()
	if os.Getuid() == 0 {
		return false
	}
	_, _ = fmt.Fprintf(os.Stdout, "NOT RUN: %s (needs root: commands of several users)\n", t.Name())
	return true
}

// installForAll returns a CLI and its configuration in a folder that every user may read.
func installForAll(t *testing.T) (program, config string) {
	t.Helper()
	folder := t.TempDir()
	config, err := terraformcli.Install(t.Context(), filepath.Join("..", ".."), folder)
	if err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(folder, "cli")
	write(t, program, []byte(read(t, os.Getenv("TF_ACC_TERRAFORM_PATH"))))
	change(t, program, 0o755)
	err = filepath.WalkDir(filepath.Dir(folder), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o044
		if mode&0o100 != 0 {
			mode |= 0o011
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
	return program, config
}

// newTeam starts a sandbox. The store is an empty folder of that owner, group and mode.
func newTeam(t *testing.T, program, config string, owner, group int, mode fs.FileMode) *team {
	t.Helper()
	env := acctest.Start(t, sandbox.Options{})
	c := &team{t: t, env: env, tenant: env.Tenant(0), program: program, config: config}
	for _, variable := range env.Environment() {
		if path, found := strings.CutPrefix(variable, "CODETWO_CA_CERTIFICATE_PATH="); found {
			change(t, path, 0o644)
			change(t, filepath.Dir(path), 0o755)
			change(t, filepath.Dir(filepath.Dir(path)), 0o755)
		}
	}
	if err := os.RemoveAll(env.Store); err != nil {
		t.Fatal(err)
	}
	change(t, filepath.Dir(env.Store), 0o755)
	change(t, filepath.Dir(filepath.Dir(env.Store)), 0o755)
	if err := os.Mkdir(env.Store, 0o700); err != nil {
		t.Fatal(err)
	}
	give(t, env.Store, owner, group)
	change(t, env.Store, mode)
	return c
}

func change(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func give(t *testing.T, path string, owner, group int) {
	t.Helper()
	if err := os.Chown(path, owner, group); err != nil {
		t.Fatal(err)
	}
}

// colleague is a user of the team. The group may be a user's own one, or one more.
func (c *team) colleague(id, umask int, own bool) *user {
	c.t.Helper()
	if own {
		return c.user(id, teamID, umask)
	}
	return c.user(id, id, umask, teamID)
}

// user gives a user a folder that nobody else may read.
func (c *team) user(id, group, umask int, groups ...uint32) *user {
	c.t.Helper()
	folder := c.t.TempDir()
	change(c.t, filepath.Dir(folder), 0o755)
	change(c.t, folder, 0o700)
	give(c.t, folder, id, group)
	environment := append(c.env.Environment(), "HOME="+folder, "CODETWO_STORE_URL="+c.env.StoreURL(),
		"CODETWO_STORE_PASSPHRASE="+acctest.Passphrase)
	return &user{team: c, id: id, group: group, groups: groups, umask: umask, folder: folder,
		environment: terraformcli.Environment(c.config, environment...)}
}

// run runs a program as the user, under their umask, and returns what it prints with each run of white space as one
// space.
func (u *user) run(program string, arguments ...string) (string, error) {
	u.t.Helper()
	command := exec.CommandContext(u.t.Context(), "sh", append([]string{"-c",
		fmt.Sprintf(`umask %03o && exec "$0" "$@"`, u.umask), program}, arguments...)...)
	command.Dir, command.Env = u.folder, u.environment
	command.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: uint32(u.id), Gid: uint32(u.group), Groups: u.groups}}
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err := command.Run()
	return strings.Join(strings.Fields(boxes.ReplaceAllString(output.String(), " ")), " "), err
}

// terraform runs a command of the CLI.
func (u *user) terraform(arguments ...string) (string, error) {
	u.t.Helper()
	return u.run(u.program, append(arguments, "-no-color", "-input=false")...)
}

func (u *user) must(arguments ...string) string {
	u.t.Helper()
	output, err := u.terraform(arguments...)
	if err != nil {
		u.t.Fatalf("user %d, %s: %v\n%s", u.id, arguments[0], err, output)
	}
	return output
}

// apply applies the plan that it expects, in the words that the CLI sums it up with.
func (u *user) apply(plan string) {
	u.t.Helper()
	if output := u.must("apply", "-auto-approve"); !strings.Contains(output, "Plan: "+plan+".") {
		u.t.Errorf("user %d: the plan is not %q:\n%s", u.id, plan, output)
	}
	u.plansNothing()
}

// plansNothing expects an empty plan, and no warning but that of the sandbox.
func (u *user) plansNothing() {
	u.t.Helper()
	output, err := u.terraform("plan", "-detailed-exitcode")
	warnings := strings.Count(output, "Warning:") - strings.Count(output, "Warning: Requests do not go to Microsoft")
	if err != nil || warnings > 0 {
		u.t.Errorf("user %d: the plan is not empty, or warns: %v\n%s", u.id, err, output)
	}
}

// write writes a file of the user's own.
func (u *user) write(name, content string) {
	u.t.Helper()
	file := filepath.Join(u.folder, name)
	write(u.t, file, []byte(content))
	give(u.t, file, u.id, u.group)
}

// takeOver copies the configuration and the state of a colleague.
func (u *user) takeOver(from *user) {
	u.t.Helper()
	for _, name := range []string{"main.tf", "terraform.tfstate"} {
		u.write(name, read(u.t, filepath.Join(from.folder, name)))
	}
}

// configure declares a registration with a certificate of that size, and connections with these names.
func (u *user) configure(keySize int, names ...string) {
	u.t.Helper()
	text := fmt.Sprintf(requirement+`
resource "codetwo_target_app_registration" "target" {
  unique_name = "codetwo-team"
  certificate = { key_size = %d, previous_certificate_days = 0 }
}
`, keySize)
	for i, name := range names {
		text += fmt.Sprintf(`
resource "codetwo_target_connection" "number_%d" {
  tenant_id              = %q
  mailbox                = %q
  name                   = %q
  client_id              = codetwo_target_app_registration.target.client_id
  certificate_thumbprint = codetwo_target_app_registration.target.certificate.thumbprint
}
`, i, u.tenant.TenantID, u.tenant.Mailboxes.Licensed[i], name)
	}
	u.write("main.tf", text)
}

// reads expects that the user can read the files of the store that are for every reader, if there are any such, and
// write to nothing.
func (u *user) reads(readable bool) {
	u.t.Helper()
	var names, want []string
	err := filepath.WalkDir(u.env.Store, func(path string, entry fs.DirEntry, err error) error {
		names = append(names, path)
		if readable && filepath.Base(filepath.Dir(path)) == "handoff" {
			want = append(want, "r"+path)
		}
		return err
	})
	if err != nil {
		u.t.Fatal(err)
	}
	if readable && len(want) == 0 {
		u.t.Fatalf("there is no sheet among %v", names)
	}
	// Opened, because [ -r … ] does not tell whether a folder on the way lets the user pass.
	output, err := u.run("sh", append([]string{"-c", `for name; do
		if [ -f "$name" ] && cat "$name" >/dev/null 2>&1; then echo "r$name"; fi
		if [ -w "$name" ]; then echo "w$name"; fi
	done`, "sh"}, names...)...)
	if got := strings.Fields(output); err != nil || !slices.Equal(got, want) {
		u.t.Errorf("user %d can read or write %v, not %v: %v", u.id, got, want, err)
	}
}

func TestAccStore_UsersOfAGroupApplyInTurnWhateverTheirUmask(t *testing.T) {
	t.Parallel()
	if needsRoot(t) {
		return
	}
	program, config := installForAll(t)
	for name, c := range map[string]struct {
		umask, owner int
		own          bool        // the group is its users' own one
		mode         fs.FileMode // besides setgid
		readable     bool        // to everybody
	}{
		"umask 022":                              {umask: 0o022, owner: annasID, mode: 0o770},
		"umask 077":                              {umask: 0o077, owner: annasID, mode: 0o770},
		"umask 022, the group is everyone's own": {umask: 0o022, owner: bensID, own: true, mode: 0o770},
		"umask 077, a store that everyone reads": {umask: 0o077, owner: 0, mode: 0o775, readable: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newTeam(t, program, config, c.owner, teamID, fs.ModeSetgid|c.mode)
			anna, ben := store.colleague(annasID, c.umask, c.own), store.colleague(bensID, c.umask, c.own)
			outsider := store.user(outsiderID, outsiderID, c.umask)

			anna.configure(2048, "one", "two")
			anna.must("init")
			anna.apply("3 to add, 0 to change, 0 to destroy")
			outsider.reads(c.readable)

			ben.takeOver(anna)
			ben.must("init")
			ben.plansNothing()
			ben.configure(3072, "one, as Ben calls it") // another size is a rotation
			ben.apply("0 to add, 2 to change, 1 to destroy")
			outsider.reads(c.readable)

			anna.takeOver(ben)
			anna.plansNothing()
			anna.configure(3072, "one", "two")
			anna.apply("1 to add, 1 to change, 0 to destroy")
			outsider.reads(c.readable)

			ben.takeOver(anna)
			ben.must("destroy", "-auto-approve")
			// What stays is the certificate that was replaced while connections named it: it may be in use elsewhere.
			var left []string
			for _, name := range files(t, store.env.Store) {
				if base := filepath.Base(name); base != "identity.age" && !strings.HasPrefix(base, ".lock") {
					folder := filepath.Base(filepath.Dir(name))
					left = append(left, folder+"/*"+strings.TrimLeft(base, "0123456789ABCDEF"))
				}
			}
			if want := []string{"certificates/*.cer", "certificates/*.json", "certificates/*.password.age",
				"certificates/*.pfx"}; !slices.Equal(left, want) {
				t.Errorf("after destroy there are %v, not %v", left, want)
			}
		})
	}
}

// advised are the commands that a diagnostic says to run.
var advised = regexp.MustCompile(`run (chmod \S+ \S+?)[.,](?: |$)|let a group share the store: (chgrp .+? \{\} \+)`)

// follow runs the first command that a diagnostic says to run, as the user.
func (u *user) follow(diagnostic string) {
	u.t.Helper()
	found := advised.FindStringSubmatch(diagnostic)
	if found == nil {
		u.t.Fatalf("no command is advised:\n%s", diagnostic)
	}
	command := strings.ReplaceAll(found[1]+found[2], "GROUP", strconv.Itoa(teamID))
	if output, err := u.run("sh", "-c", command); err != nil {
		u.t.Fatalf("user %d, %s: %v\n%s", u.id, command, err, output)
	}
}

func TestAccStore_AColleagueWhomAFileIsDeniedLearnsWhoseItIsAndHowToShareTheStore(t *testing.T) {
	t.Parallel()
	if needsRoot(t) {
		return
	}
	program, config := installForAll(t)
	for _, c := range []struct {
		name   string
		mode   fs.FileMode
		denied string // relative to the store
	}{
		{"its owner's alone", 0o700, ""},
		{"the group's, but not setgid", 0o770, "identity.age"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			store := newTeam(t, program, config, annasID, teamID, c.mode)
			anna, ben := store.colleague(annasID, 0o022, false), store.colleague(bensID, 0o022, false)
			anna.configure(2048, "one")
			anna.must("init")
			anna.must("apply", "-auto-approve")

			ben.takeOver(anna)
			ben.must("init")
			output, err := ben.terraform("plan")
			file := filepath.Join(store.env.Store, c.denied)
			for _, words := range []string{"permission denied", file + " belongs to " + strconv.Itoa(annasID) + " (mode ",
				"run as " + strconv.Itoa(annasID) + ", or let a group share the store: chgrp -R GROUP " + store.env.Store} {
				if err == nil || !strings.Contains(output, words) {
					t.Errorf("%q is not in what Ben is told (%v):\n%s", words, err, output)
				}
			}
			_, advice, _ := strings.Cut(output, "permission denied")
			anna.follow(advice)
			ben.plansNothing()
			ben.configure(3072, "one, as Ben calls it")
			ben.apply("0 to add, 2 to change, 0 to destroy")
			anna.takeOver(ben)
			anna.plansNothing()
		})
	}
}

func TestAccProvider_APlanWarnsOfAStoreThatOthersMayWriteToUntilTheChmodIsRun(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{})
	cli := env.CLI("CODETWO_STORE_URL="+env.StoreURL(), "CODETWO_STORE_PASSPHRASE="+acctest.Passphrase)
	write(t, filepath.Join(cli.Folder, "main.tf"), []byte(requirement+`
resource "codetwo_target_app_registration" "target" {}
`))
	must(t, cli, "init", "-input=false")
	plan := func() string {
		output := must(t, cli, "plan", "-no-color", "-input=false")
		return strings.Join(strings.Fields(boxes.ReplaceAllString(output, " ")), " ")
	}
	const title = "Warning: Others may change the connection store"
	for mode, who := range map[fs.FileMode]string{
		0o770: "its group (mode 0770)",
		0o775: "its group (mode 0775)",
		0o707: "every user of this machine (mode 0707)",
		0o777: "every user of this machine (mode 0777)",

		fs.ModeSetgid | 0o777: "every user of this machine (mode 2777)",
	} {
		change(t, env.Store, mode)
		output := plan()
		if words := "folder " + env.Store + " can be written to by " + who; !strings.Contains(output, title) ||
			!strings.Contains(output, words) {
			t.Errorf("mode %s: the plan lacks %q:\n%s", mode, words, output)
			continue
		}
		for range 2 { // where everybody may write, the group may, too
			found := advised.FindStringSubmatch(output)
			if found == nil {
				break
			}
			if said, err := exec.CommandContext(t.Context(), "sh", "-c", found[1]).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", found[1], err, said)
			}
			output = plan()
		}
		if strings.Contains(output, title) {
			t.Errorf("mode %s: the advice did not end the warning:\n%s", mode, output)
		}
	}
}
