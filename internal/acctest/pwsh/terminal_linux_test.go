package pwsh

import (
	"strings"
	"testing"
)

func TestPowerShellIsAnsweredAtATerminal(t *testing.T) {
	result := Type(t, Script{Content: "$secret = Read-Host -AsSecureString -Prompt 'The word'\n" +
		"\"$([Console]::IsInputRedirected),$($secret.Length)\"\nexit 5"}, "The word:", "sesame\r")
	if result.ExitCode != 5 || !strings.Contains(result.Stdout, "False,6") {
		t.Errorf("got %+v", result)
	}
}
