//go:build full

package connection

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	tf "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/expect"
)

const inNamespace = "TEST_MAY_MOUNT"

// withMounts runs a test in a process of its own that may mount file systems, which nobody else sees: root or not, as
// long as the kernel grants user namespaces.
func withMounts(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	if os.Getenv(inNamespace) != "" {
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		must(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
		test(t)
		return
	}
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1", "-test.v")
	again.Env = append(os.Environ(), inNamespace+"=1")
	again.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if output, err := again.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}

// mounted is a store on a file system of its own.
func mounted(t *testing.T, size string) *env {
	t.Helper()
	env := newEnv(t)
	identity, err := os.ReadFile(filepath.Join(env.folder, "identity.age"))
	env.must(err)
	env.must(syscall.Mount("tmpfs", env.folder, "tmpfs", 0, "size="+size))
	t.Cleanup(func() { env.must(syscall.Unmount(env.folder, syscall.MNT_DETACH)) })
	env.must(os.WriteFile(filepath.Join(env.folder, "identity.age"), identity, 0o600))
	return env
}

func (env *env) remount(flags uintptr) {
	env.t.Helper()
	env.must(syscall.Mount("", env.folder, "", syscall.MS_REMOUNT|flags, ""))
}

func TestAccTargetConnection_StoreThatCanOnlyBeReadIsPlannedAndRefusesEveryChange(t *testing.T) {
	withMounts(t, func(t *testing.T) {
		env := mounted(t, "1m")
		config := connection(bySecret(secret, 1)...)
		changed := connection(append(bySecret("another secret", 2), `name = "changed"`)...)
		env.play(
			tf.TestStep{Config: config},
			tf.TestStep{PreConfig: func() { env.remount(syscall.MS_RDONLY) }, Config: config,
				ConfigPlanChecks: before(plancheck.ExpectEmptyPlan())},
			tf.TestStep{Config: changed, ExpectError: expect.Error("Failed to update the connection",
				"migration@contoso.onmicrosoft.com.secret.age", "read-only file system")},
			tf.TestStep{Config: config, Destroy: true, ExpectError: expect.Error("Failed to delete the connection",
				"migration@contoso.onmicrosoft.com.secret.age", "read-only file system")},
			tf.TestStep{
				PreConfig: func() {
					if stored, err := env.secret(); err != nil || stored != secret {
						t.Errorf("the secret is %q, %v", stored, err)
					}
					env.remount(0)
				},
				Config: config, ConfigPlanChecks: before(plancheck.ExpectEmptyPlan()),
			},
		)
	})
}

func TestAccTargetConnection_StoreThatIsFullLosesNothingAndGoesOnWhenThereIsRoom(t *testing.T) {
	withMounts(t, func(t *testing.T) {
		env := mounted(t, "256k")
		ballast := filepath.Join(env.folder, "ballast")
		full := func() {
			file, err := os.Create(ballast)
			env.must(err)
			block := make([]byte, 4096)
			for err == nil {
				_, err = file.Write(block)
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			env.must(file.Close())
		}
		room := func() { env.must(os.Remove(ballast)) }
		config := connection(bySecret(secret, 1)...)
		changed := connection(append(bySecret("another secret", 2), `name = "changed"`)...)
		env.play(
			tf.TestStep{PreConfig: full, Config: config, ExpectError: expect.Error("Failed to create the connection",
				"no space left on device")},
			tf.TestStep{PreConfig: room, Config: config, ConfigPlanChecks: before(planned(plancheck.ResourceActionCreate))},
			tf.TestStep{PreConfig: full, Config: changed, ExpectError: expect.Error("Failed to update the connection",
				"no space left on device")},
			tf.TestStep{
				PreConfig: func() {
					c := env.record()
					if stored, err := env.secret(); err != nil || stored != secret ||
						c.Name == "changed" {
						t.Errorf("the record is %+v, the secret %q, %v", c, stored, err)
					}
					room()
				},
				Config: changed, ConfigPlanChecks: before(planned(plancheck.ResourceActionUpdate)),
			},
			tf.TestStep{PreConfig: full, Config: changed, Destroy: true}, // which needs no space
			tf.TestStep{PreConfig: room, Config: config},
		)
	})
}
