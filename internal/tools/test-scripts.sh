#!/bin/sh
# test-scripts.sh runs the tests that run PowerShell scripts: those with PowerShell in their names. At its end it says how
# many ran, and names those that did not. A skipped test counts as not run.
#
# Exit status: 0 when tests ran and none failed, 77 when no test ran and none failed, else 1.
set -eu
export CHECKPOINT_DISABLE=1

cd -- "$(dirname -- "$0")/../.."
log=$(mktemp)
trap 'rm -f "$log" "$log.failed"' EXIT

packages=$(grep -rlE --include='*_test.go' '^func Test[A-Za-z0-9_]*PowerShell' internal | xargs -n 1 dirname | sort -u | sed 's|^|./|')
# shellcheck disable=SC2086 # each line is a package
{ go test -v -count=1 -timeout 20m -run PowerShell $packages 2>&1 || touch "$log.failed"; } | tee "$log"

# A test with subtests counts by them. Tests are named once for each package, so the end of one closes the account.
awk '
  /^ *--- (PASS|FAIL|SKIP): / { outcome[$3] = $2; for (name = $3; sub("/[^/]*$", "", name); ) group[name] = 1 }
  /^(ok|FAIL)[ \t]+[^ \t]/ { settle() }
  function settle(   name, top) {
    for (name in outcome) {
      if (name in group) continue
      top = name; sub("/.*", "", top)
      if (outcome[name] == "SKIP:" || outcome[name] == "SKIP") skipped[top]++
      else ran++
    }
    split("", outcome); split("", group)
  }
  match($0, /not run: .*/) { reasons[substr($0, RSTART)] = 1 }
  END {
    settle()
    for (top in skipped) total += skipped[top]
    printf "\nTests of scripts: %d ran, %d not run.\n", ran, total
    for (reason in reasons) print "  " reason
    for (top in skipped) printf "NOT RUN: %s%s\n", top, (skipped[top] > 1 ? " (" skipped[top] " tests)" : "")
    exit ran ? 0 : 77
  }' "$log" && status=0 || status=$?
if [ -e "$log.failed" ]; then
  echo 'Tests of scripts: FAILED'
  exit 1
fi
exit "$status"
