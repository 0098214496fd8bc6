package handoff

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/pwsh"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/escape"
)

const password = "correct-Horse7battery"

// pairs are two certificates with their keys: the connection's, and another one.
var pairs = sync.OnceValues(func() ([2]*certificate.Pair, error) {
	var made [2]*certificate.Pair
	for i, name := range []string{"Contoso", "Fabrikam"} {
		var err error
		begin := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
		made[i], err = certificate.Generate(rand.Reader, certificate.Template{CommonName: name, KeySize: 2048,
			NotBefore: begin, NotAfter: begin.AddDate(5, 0, 0)})
		if err != nil {
			return made, err
		}
	}
	return made, nil
})

// server is a migration server: a copy of the store, and a Windows user with the certificates of his own.
type server struct {
	t *testing.T
	// Pair is the connection's certificate.
	*certificate.Pair
	store, home, script, pfx string
	sheet                    Sheet
}

// newServer returns a server whose store lies in a folder of this name, with the certificate file in AES-256.
func newServer(t *testing.T, folder string) *server {
	t.Helper()
	pwsh.Require(t)
	both, err := pairs()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, Pair: both[0], store: filepath.Join(t.TempDir(), folder), home: t.TempDir(),
		sheet: withCertificate()}
	s.sheet.Thumbprint = certificate.Thumbprint(s.Certificate)
	s.sheet.PFXPath = tenantID + "/certificates/" + s.sheet.Thumbprint + ".pfx"
	s.pfx = filepath.Join(s.store, filepath.FromSlash(s.sheet.PFXPath))
	s.script = filepath.Join(s.store, tenantID, "handoff", mailbox+".ps1")
	s.write(s.pfx, s.packed(s.Pair, password, certificate.AES256))
	s.write(s.script, []byte(importText(t, s.sheet)))
	return s
}

func (s *server) packed(p *certificate.Pair, password string, e certificate.Encryption) []byte {
	s.t.Helper()
	data, err := certificate.EncodePFX(p, password, e)
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}

func (s *server) write(file string, data []byte) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// as is the script's run as this server's user.
func (s *server) as(script pwsh.Script) pwsh.Script {
	script.Home = s.home
	script.Environment = append([]string{"OS=Windows_NT", "IMPORT=" + s.script, "PASSWORD=" + password},
		script.Environment...)
	return script
}

// run runs the script as the sheet says, with these arguments and this standard input.
func (s *server) run(input string, arguments ...string) pwsh.Result {
	s.t.Helper()
	return pwsh.Run(s.t, s.as(pwsh.Script{File: s.script, Arguments: arguments, Stdin: strings.NewReader(input)}))
}

// call runs PowerShell in which $secret is the password as a SecureString, and $env:IMPORT the script's path.
func (s *server) call(content string) pwsh.Result {
	s.t.Helper()
	return pwsh.Run(s.t, s.as(pwsh.Script{Content: "$secret = ConvertTo-SecureString $env:PASSWORD -AsPlainText -Force\n" +
		content}))
}

// stored returns the thumbprints of the user's certificates; one without its key has a mark in front.
func (s *server) stored() []string {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.home, ".dotnet", "corefx", "cryptography", "x509stores", "my", "*.pfx"))
	if err != nil {
		s.t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		_, c, err := certificate.OpenPFX(data, "")
		switch {
		case err == nil:
			found = append(found, certificate.Thumbprint(c))
		case errors.Is(err, certificate.ErrNoPrivateKey):
			// .NET names the file after the thumbprint.
			found = append(found, "without key: "+strings.TrimSuffix(filepath.Base(file), ".pfx"))
		default:
			s.t.Fatalf("%s: %v", file, err)
		}
	}
	return found
}

// imported fails the test unless the script ended well and the user has the connection's certificate and nothing else.
func (s *server) imported(result pwsh.Result, said string) {
	s.t.Helper()
	if result.ExitCode != 0 || result.Stderr != "" || !strings.Contains(result.Stdout, said) {
		s.t.Errorf("exit status %d, want 0 and %q: %s%s", result.ExitCode, said, result.Stdout, result.Stderr)
	}
	if found := s.stored(); !slices.Equal(found, []string{s.sheet.Thumbprint}) {
		s.t.Errorf("the user has the certificates %q, want %s with its key", found, s.sheet.Thumbprint)
	}
}

// refused fails the test unless the script ended with an error of these words and the user has no certificate.
func (s *server) refused(result pwsh.Result, words ...string) {
	s.t.Helper()
	if result.ExitCode != 1 {
		s.t.Errorf("exit status %d, want 1: %s%s", result.ExitCode, result.Stdout, result.Stderr)
	}
	for _, word := range words {
		if !strings.Contains(result.Message(), word) {
			s.t.Errorf("the error lacks %q: %s", word, result.Stderr)
		}
	}
	if strings.Contains(result.Stdout+result.Stderr, password) {
		s.t.Errorf("the script shows the password: %s%s", result.Stdout, result.Stderr)
	}
	if found := s.stored(); len(found) > 0 {
		s.t.Errorf("the user has the certificates %q, want none", found)
	}
}

func TestPowerShellImportsTheCertificateWithItsKey(t *testing.T) {
	const stdin = "-PasswordFromStdin"
	for name, play := range map[string]func(*server) pwsh.Result{
		"password as a SecureString": func(s *server) pwsh.Result { return s.call("& $env:IMPORT -Password $secret") },
		"legacy encryption": func(s *server) pwsh.Result {
			s.write(s.pfx, s.packed(s.Pair, password, certificate.Legacy))
			return s.call("& $env:IMPORT -Password $secret")
		},
		"password on a line that ends with LF":   func(s *server) pwsh.Result { return s.run(password+"\n", stdin) },
		"password on a line that ends with CRLF": func(s *server) pwsh.Result { return s.run(password+"\r\n", stdin) },
		"password on a line without an end":      func(s *server) pwsh.Result { return s.run(password, stdin) },
		"password behind the mark of UTF-8":      func(s *server) pwsh.Result { return s.run("\uFEFF"+password+"\n", stdin) },
		"password with letters beyond ASCII": func(s *server) pwsh.Result {
			s.write(s.pfx, s.packed(s.Pair, " Žluť ", certificate.AES256))
			return s.run(" Žluť \n", stdin)
		},
		"password from a Read-Host of the caller": func(s *server) pwsh.Result {
			return s.call("function Read-Host { param([switch] $AsSecureString, $Prompt) if ($AsSecureString) { $secret } " +
				"}\n& $env:IMPORT")
		},
		"dot-sourced, under strict mode": func(s *server) pwsh.Result {
			return s.call("Set-StrictMode -Version Latest\n$before = $ErrorActionPreference\n. $env:IMPORT -Password $secret\n" +
				"if ($before -ne $ErrorActionPreference) { throw 'the preference has changed' }")
		},
		"file next to the script": func(s *server) pwsh.Result {
			copied := filepath.Join(filepath.Dir(s.script), filepath.Base(s.pfx))
			if err := os.Rename(s.pfx, copied); err != nil {
				s.t.Fatal(err)
			}
			return s.run(password, stdin)
		},
		"file by a path relative to PowerShell's folder": func(s *server) pwsh.Result {
			s.write(filepath.Join(s.store, "else [1].pfx"), s.packed(s.Pair, password, certificate.AES256))
			return s.call("Set-Location -LiteralPath (Split-Path (Split-Path (Split-Path $env:IMPORT)))\n& $env:IMPORT " +
				"-Password $secret -PfxPath 'else [1].pfx'")
		},
		"certificate is there without its key": func(s *server) pwsh.Result {
			public := filepath.Join(s.home, "public.pem")
			s.write(public, []byte(certificate.EncodePEM(s.Certificate)))
			before := s.call("$my = [System.Security.Cryptography.X509Certificates.X509Store]::new('My', " +
				"'CurrentUser')\n$my.Open('ReadWrite')\n" +
				"$my.Add([System.Security.Cryptography.X509Certificates.X509Certificate2]::new((Join-Path $HOME " +
				"'public.pem')))\n$my.Close()")
			if before.ExitCode != 0 || !slices.Equal(s.stored(), []string{"without key: " + s.sheet.Thumbprint}) {
				s.t.Fatalf("the certificate is not there without its key: %q, %+v", s.stored(), before)
			}
			return s.run(password, stdin)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "store")
			s.imported(play(s), "Done")
		})
	}
}

func TestPowerShellImportsFromAnyFolder(t *testing.T) {
	for _, folder := range []string{"[a] b*?", "it's ‘so’", `$env:HOME $(throw) {0}`, "`n ; & |",
		`"double" „low“`, "Žluť #1"} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, folder)
			s.imported(s.run(password, "-PasswordFromStdin", "-PfxPath", s.pfx), "Done")
			s.home = t.TempDir()
			s.imported(s.run(password, "-PasswordFromStdin"), s.pfx)
		})
	}
}

func TestPowerShellSaysValuesAsTheyAre(t *testing.T) {
	s := newServer(t, "store")
	s.sheet.ConnectionName, s.sheet.Mailbox = malicious, malicious
	s.write(s.script, []byte(importText(t, s.sheet)))
	s.imported(s.run(password, "-PasswordFromStdin"), "Connection:  "+escape.Visible(malicious)+" ("+malicious+")\n")
}

func TestPowerShellImportsOnceAndRunsAgain(t *testing.T) {
	s := newServer(t, "store")
	s.imported(s.run(password, "-PasswordFromStdin"), "Done")
	if err := os.Remove(s.pfx); err != nil {
		t.Fatal(err)
	}
	s.imported(s.run(""), "Nothing to do: the certificate and its private key are here already, valid until "+
		"2031-11-01 00:00 UTC.")
}

func TestPowerShellNamesWhatIsWrongWithTheFile(t *testing.T) {
	again := "from the store again"
	for name, c := range map[string]struct {
		spoil func(s *server, pfx []byte) []byte
		words []string
	}{
		"empty": {func(*server, []byte) []byte { return nil }, []string{"is empty", again}},
		"cut in half": {func(_ *server, pfx []byte) []byte { return pfx[:len(pfx)/2] },
			[]string{"is cut off", again}},
		"cut by its last byte": {func(_ *server, pfx []byte) []byte { return pfx[:len(pfx)-1] },
			[]string{"is cut off", again}},
		"cut after its length": {func(_ *server, pfx []byte) []byte { return pfx[:4] },
			[]string{"is cut off: it ends after 4 bytes", again}},
		"cut within its length": {func(_ *server, pfx []byte) []byte { return pfx[:3] },
			[]string{"is cut off: it ends after 3 bytes", again}},
		"cut after its one byte": {func(_ *server, pfx []byte) []byte { return pfx[:1] },
			[]string{"is cut off: it ends after 1 bytes", again}},
		"nothing in it": {func(*server, []byte) []byte { return []byte{0x30, 0x00} }, []string{"is cut off", again}},
		"PEM": {func(s *server, _ []byte) []byte { return []byte(certificate.EncodePEM(s.Certificate)) },
			[]string{"is PEM text", ".pfx"}},
		"DER": {func(s *server, _ []byte) []byte { return s.Certificate.Raw },
			[]string{"is a certificate without its private key", ".pfx"}},
		"text": {func(*server, []byte) []byte { return []byte("<html>Not found</html>") },
			[]string{"is not a PFX", ".pfx"}},
		"text in digits": {func(*server, []byte) []byte { return []byte("0123456789") },
			[]string{"is not a PFX", ".pfx"}},
		"another structure": {func(*server, []byte) []byte { return []byte{0x30, 0x03, 0x02, 0x01, 0x00} },
			[]string{"is not a PFX", ".pfx"}},
		"a length of five bytes": {func(*server, []byte) []byte { return []byte{0x30, 0x85, 0, 0, 0, 0, 3, 2, 1, 3} },
			[]string{"is not a PFX", ".pfx"}},
		"another certificate": {func(s *server, _ []byte) []byte {
			both, _ := pairs()
			return s.packed(both[1], password, certificate.AES256)
		}, []string{"Nothing was imported: this file holds certificate", "and the connection uses"}},
		"no key in it": {func(s *server, _ []byte) []byte {
			pfx, err := pkcs12.Modern.EncodeTrustStoreEntries([]pkcs12.TrustStoreEntry{{Cert: s.Certificate,
				FriendlyName: "Contoso"}}, password)
			if err != nil {
				s.t.Fatal(err)
			}
			return pfx
		}, []string{"Nothing was imported: this file holds no private key."}},
		"damaged, and longer than it says": {func(_ *server, pfx []byte) []byte {
			pfx[len(pfx)-20] ^= 1
			return append(pfx, "\r\n"...)
		}, []string{"2 bytes follow its end", again}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "store")
			s.write(s.pfx, c.spoil(s, s.packed(s.Pair, password, certificate.AES256)))
			result := s.run(password, "-PasswordFromStdin")
			s.refused(result, c.words...)
			if strings.Contains(result.Stderr, "Check the password") {
				t.Errorf("the password is blamed: %s", result.Stderr)
			}
		})
	}
}

func TestPowerShellBlamesThePasswordWhereTheFileIsWhole(t *testing.T) {
	for _, encryption := range []certificate.Encryption{certificate.AES256, certificate.Legacy} {
		t.Run(encryption.String(), func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "store")
			s.write(s.pfx, s.packed(s.Pair, "another", encryption))
			s.refused(s.run(password, "-PasswordFromStdin"), "did not open", "Check the password", "Windows Server 2016",
				`certificate_pfx_encryption = "legacy"`)
		})
	}
}

func TestPowerShellFindsNoFileToImport(t *testing.T) {
	s := newServer(t, "store")
	s.refused(s.run(password, "-PasswordFromStdin", "-PfxPath", s.store), s.store+" is a folder", ".pfx")
	missing := filepath.Join(s.store, "[no] such.pfx")
	s.refused(s.run(password, "-PasswordFromStdin", "-PfxPath", missing), "There is no certificate file at "+missing)
	if err := os.Remove(s.pfx); err != nil {
		t.Fatal(err)
	}
	s.refused(s.run(password, "-PasswordFromStdin"), "No certificate file at "+s.pfx+" or "+
		filepath.Join(filepath.Dir(s.script), filepath.Base(s.pfx)), "-PfxPath")
}

func TestPowerShellIsNotSatisfiedWithoutAPassword(t *testing.T) {
	for name, c := range map[string]struct {
		play  func(*server) pwsh.Result
		words []string
	}{
		"nobody can be asked": {func(s *server) pwsh.Result { return s.run(password + "\n") },
			[]string{"Nobody can be asked for the password here", "-PasswordFromStdin", "-Password"}},
		"nobody can be asked, by PowerShell's switch": {func(s *server) pwsh.Result {
			return s.call("function Read-Host { throw 'NonInteractive mode' }\n& $env:IMPORT")
		}, []string{"Nobody can be asked for the password here", "(NonInteractive mode)"}},
		"an empty input": {func(s *server) pwsh.Result { return s.run("", "-PasswordFromStdin") },
			[]string{"the password is empty"}},
		"an empty line": {func(s *server) pwsh.Result { return s.run("\r\n"+password, "-PasswordFromStdin") },
			[]string{"the password is empty"}},
		"an empty SecureString": {func(s *server) pwsh.Result {
			return s.call("& $env:IMPORT -Password " +
				"([securestring]::new())")
		}, []string{"the password is empty"}},
		"an answer that is nothing": {func(s *server) pwsh.Result {
			return s.call("Set-StrictMode -Version Latest\nfunction Read-Host { }\n& $env:IMPORT")
		},
			[]string{"the password is empty"}},
		"text on the command line": {func(s *server) pwsh.Result { return s.run("", "-Password", password) },
			[]string{"-Password takes a SecureString, not text", "-PasswordFromStdin"}},
		"both ways at once": {func(s *server) pwsh.Result {
			return s.call("& $env:IMPORT -Password $secret " +
				"-PasswordFromStdin")
		},
			[]string{"either -Password or -PasswordFromStdin"}},
		"a mistyped parameter": {func(s *server) pwsh.Result { return s.run("", "-Pasword", password) },
			[]string{"Unknown arguments: -Pasword.", "-PfxPath, -Password and -PasswordFromStdin"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "store")
			s.refused(c.play(s), c.words...)
		})
	}
}

func TestPowerShellRefusesToImportWhereThereIsNoWindows(t *testing.T) {
	s := newServer(t, "store")
	s.refused(pwsh.Run(t, s.as(pwsh.Script{File: s.script, Environment: []string{"OS="}})),
		"Run this script on the Windows machine")
}

func TestPowerShellTextThatWasPastedImportsNothing(t *testing.T) {
	s := newServer(t, "store")
	s.refused(s.call("Invoke-Expression (Get-Content -Raw -LiteralPath $env:IMPORT)"), "Save this script as a file")
}

func TestPowerShellReportsAnErrorToTheScriptThatCallsTheImport(t *testing.T) {
	s := newServer(t, "store")
	s.write(s.pfx, nil)
	result := s.call("try { & $env:IMPORT -Password $secret } catch { \"caught: $_\" }")
	if result.ExitCode != 0 || !strings.Contains(result.Stdout, "caught: The certificate file "+s.pfx+" is empty.") {
		t.Errorf("exit status %d: %s%s", result.ExitCode, result.Stdout, result.Stderr)
	}
}

// An import that reports no error can leave nothing, or the certificate alone: a policy, a profile that is not kept.
func TestPowerShellLooksForTheCertificateAfterTheImport(t *testing.T) {
	const add = "$my.Add((Open-Pfx 'UserKeySet, PersistKeySet'))"
	for name, instead := range map[string]string{"nothing": "",
		"no key": "$my.Add([System.Security.Cryptography.X509Certificates.X509Certificate2]::new((Open-Pfx " +
			"'UserKeySet').RawData))"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "store")
			script := importText(t, s.sheet)
			if strings.Count(script, add) != 1 {
				t.Fatalf("the script does not import with %s", add)
			}
			s.write(s.script, []byte(strings.Replace(script, add, instead, 1)))
			result := s.run(password, "-PasswordFromStdin")
			if result.ExitCode != 1 || !strings.Contains(result.Message(), "is not in Cert:\\CurrentUser\\My") ||
				strings.Contains(result.Stdout, "Done") {
				t.Errorf("exit status %d: %s%s", result.ExitCode, result.Stdout, result.Stderr)
			}
		})
	}
}

func TestWindowsPowerShell51RunsTheImportScript(t *testing.T) {
	pwsh.WindowsPowerShell51(t, importText(t, withCertificate()))
	pwsh.WindowsPowerShell51(t, importText(t, withHostileValues()))
}

func TestTheImportScriptIsASCIIButForItsMark(t *testing.T) {
	for i, r := range strings.TrimPrefix(importText(t, withCertificate()), utf8Mark) {
		if r > '~' || r < ' ' && r != '\n' {
			t.Errorf("character %d is %q", i, r)
		}
	}
}
