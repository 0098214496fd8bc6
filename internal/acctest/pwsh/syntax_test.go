package pwsh

import (
	"strings"
	"testing"
)

func TestWhatWindowsPowerShell51LacksIsFound(t *testing.T) {
	lacking := []struct{ script, finding string }{
		{"if ($true) {", "1:12 parse error"},
		{"$a ? 1 : 2", "the operator ? :"},
		{"Get-Date && Get-Date", "the chain &&"},
		{"Get-Date || Get-Date", "the chain ||"},
		{"$a ?? 1", "the operator ??"},
		{"$a ??= 1", "the operator ??="},
		{"${a}?.Length", "the operator ?."},
		{"${a}?.Trim()", "the operator ?."},
		{"${a}?[0]", "the operator ?[]"},
		{"Get-Date &", "the background operator &"},
		{"Get-Date && Get-Date &", "the background operator &"},
		{"function f { process { } clean { } }", "a clean block"},
		{"Get-Content -AsByteStream -LiteralPath a", "Get-Content -AsByteStream"},
		{"gc -AsByte a", "Get-Content -AsByteStream"},
		{"1..3 | ForEach-Object -Parallel { $_ }", "ForEach-Object -Parallel"},
		{"1..3 | % -Parallel { $_ }", "ForEach-Object -Parallel"},
		{"Join-Path a b c", "Join-Path -AdditionalChildPath"},
		{"Join-Path a b -AdditionalChildPath c", "Join-Path -AdditionalChildPath"},
		{"ConvertFrom-Json -AsHashtable '{}'", "ConvertFrom-Json -AsHashtable"},
		{"Invoke-RestMethod https://localhost/ -SkipCertificateCheck", "Invoke-RestMethod -SkipCertificateCheck"},
		{"Set-Content a b -Encoding utf8NoBOM", "-Encoding utf8NoBOM"},
		{"ConvertTo-SecureString a -AsPlainText", "ConvertTo-SecureString -AsPlainText without -Force"},
		{"function f { $x = { Get-Error } }", "the command Get-Error"},
		{"if ($IsWindows) { }", "the variable IsWindows"},
		{"\"`e[0m\"", "the escape `e or `u{}"},
		{"\"`u{1F600}\"", "the escape `e or `u{}"},
		{"0b101", "a binary number"},
		{"1u", "the suffix of a number"},
		{"[Security.Cryptography.X509Certificates.X509CertificateLoader]::LoadCertificate($a)", "the type X509CertificateLoader"},
		{"[Convert]::ToHexString($a)", "the member Convert::ToHexString"},
	}
	var scripts []string
	for _, l := range lacking {
		scripts = append(scripts, l.script)
	}
	found := newer(t, scripts...)
	for i, l := range lacking {
		if !strings.Contains(strings.Join(found[i], "\n"), l.finding) {
			t.Errorf("%s: found %q, want %q", l.script, found[i], l.finding)
		}
	}
}

func TestWhatWindowsPowerShell51KnowsIsNotFound(t *testing.T) {
	WindowsPowerShell51(t, "\uFEFF"+`# && || ?? ?.
using namespace System.Text
param([Parameter(Mandatory)][string] $Path, [securestring] $Password)
class Box { [int] $Size; Box([int] $size) { $this.Size = $size } }
$text = '&& || ?? ?. `+"`"+`e' + "?? $(1 + 0x1F + 1.5e3 + 12kb + 3L + 2d) `+"`"+`n `+"``"+`e"
1..3 | Where-Object { $_ -gt 1 } | ForEach-Object { & { $_ } }
$all = Get-ChildItem | ? Name -like '*.ps1' | % FullName
[Box]::new(3).Size
Join-Path (Join-Path a b) c
Get-Content -LiteralPath $Path -Encoding Byte
ConvertTo-SecureString 'x' -AsPlainText -Force
try { throw 'x' } catch [System.IO.IOException] { $_ } finally { trap { break } }
if ($null -ne $all -and $all.Count -or -not $text) { exit 1 }
Set-OrganizationConfig -EwsEnabled $true -Encoding:utf8
`)
}
