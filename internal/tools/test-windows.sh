#!/bin/sh
# test-windows.sh runs the tests of the certificates and of the connection store as Windows programs, on a drive C: under
# Debian's Wine, which it installs. These are the packages that touch files; they must not link Microsoft Graph's models,
# so that this stays quick. Kills and races have smaller counts than on Linux (-short), and print them.
#
# A test that does not run is listed as NOT RUN with its reason: one that skips itself ("not run: REASON"), and one in a
# file that is not built for Windows, for the reason that the file gives in a line "// Not on Windows: REASON". A test
# that leaves a part out logs "NOT RUN: REASON". Wine 8 makes hard links, but no symbolic ones: os.Symlink succeeds there
# and makes nothing.
#
# Exit status: 0 when tests ran and none failed, 77 where Debian's Wine does not run, else 1.
set -eu
cd -- "$(dirname -- "$0")/../.."
root=$PWD

say() { printf '%s\n' "$*"; }
fail() {
  say "Tests on Windows: FAILED: $*"
  exit 1
}

# Wine runs programs of its own processor.
if [ "$(uname -s)/$(uname -m)" != Linux/x86_64 ] || ! command -v apt-get >/dev/null; then
  say "NOT RUN: every test on Windows: this is $(uname -s) on $(uname -m), and they run under Wine on Debian on x86_64"
  exit 77
fi

missing=
command -v wine >/dev/null && command -v wineserver >/dev/null || missing='wine wine64'
command -v x86_64-w64-mingw32-gcc >/dev/null || missing="$missing gcc-mingw-w64-x86-64-win32"
if [ -n "$missing" ]; then
  install="apt-get install -y -q --no-install-recommends $missing"
  [ "$(id -u)" = 0 ] || fail "install these packages first, as root: $install"
  say "Installing$(printf ' %s' $missing) (160 MB to download, 1.1 GB on the disk)"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -q && $install; } >/dev/null || fail "$install"
fi

# A folder of Wine's own: it has to belong to this user, and nothing of the home folder is to appear on its drives.
work=$root/.cache/windows
export WINEPREFIX="$work/wine" WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml,winemenubuilder.exe='
mkdir -p "$work/home"
wine() { HOME="$work/home" timeout -k 10 15m wine "$@"; } # a Wine that hangs ends, too
unset DISPLAY WAYLAND_DISPLAY
trap 'wineserver -k || true' EXIT
trap 'exit 1' HUP INT TERM

system=$WINEPREFIX/drive_c/windows/system32
if [ ! -e "$WINEPREFIX/.complete" ]; then
  say 'Preparing drive C:'
  rm -rf "$WINEPREFIX"
  { wine wineboot --init && wineserver -w; } >"$work/wineboot.log" 2>&1 || {
    cat "$work/wineboot.log"
    fail 'wineboot --init'
  }
  # Wine looks for \\SERVER\SHARE here. This is Windows' own share of drive C:.
  mkdir -p "$WINEPREFIX/dosdevices/unc/127.0.0.1"
  ln -s ../../../drive_c "$WINEPREFIX/dosdevices/unc/127.0.0.1/C\$"
  [ -e "$system/bcryptprimitives.dll" ] || : >"$WINEPREFIX/.lacks-bcryptprimitives"
  : >"$WINEPREFIX/.complete"
fi
if [ -e "$WINEPREFIX/.lacks-bcryptprimitives" ]; then
  x86_64-w64-mingw32-gcc -shared -O2 -s -Wall -Wextra -Werror -o "$system/bcryptprimitives.dll" \
    internal/tools/bcryptprimitives.c -ladvapi32 || fail 'the library that Wine lacks'
fi

export GOARCH=amd64 CGO_ENABLED=0
packages='./internal/certificate ./internal/store/...'
# shellcheck disable=SC2086 # several packages
heavy=$(GOOS=windows go list -deps -test $packages | grep -E '^github.com/(microsoftgraph|microsoft/kiota)' | head -n 1) || true
[ -z "$heavy" ] || fail "these packages must not link $heavy"

drive=$WINEPREFIX/drive_c/src
rm -rf "$drive" "$WINEPREFIX"/drive_c/users/*/Temp/Test* "$WINEPREFIX"/drive_c/users/*/AppData/Local/Temp/Test*
mkdir -p "$drive"
cp -R docs "$drive/docs" # the published schemas
log=$work/log
rm -f "$work/failed" "$work/finished"
: >"$log"

run() { # FOLDER, below the root
  begin=$(date +%s)
  mkdir -p "$drive/$1"
  [ ! -d "$1/testdata" ] || cp -R "$1/testdata" "$drive/$1/testdata"
  GOOS=windows go test -c -vet=off -o "$drive/$1/run.test.exe" "./$1" || {
    say "FAIL $1: it does not build"
    : >"$work/failed"
    return
  }
  [ -e "$drive/$1/run.test.exe" ] || return 0 # no test files
  (cd "$drive/$1" && wine ./run.test.exe -test.v -test.short -test.timeout=14m </dev/null 2>&1) || : >"$work/failed"
  say "=== $1: $(($(date +%s) - begin)) s"
}

# Tests that Linux builds and Windows does not, with the reason that their file gives.
left_out() { # FOLDER
  tests='{{range .TestGoFiles}}{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{.}}{{"\n"}}{{end}}'
  built=$(GOOS=windows go list -f "$tests" "./$1")
  for file in $(GOOS=linux go list -f "$tests" "./$1"); do
    case "
$built
" in *"
$file
"*) continue ;; esac
    reason=$(sed -n 's|^// Not on Windows: ||p' "$1/$file")
    sed -nE "s|^func ((Test\|Fuzz)[A-Za-z0-9_]*)\(.*|\1|p" "$1/$file" | grep -vx TestMain | while read -r name; do
      say "NOT RUN: $1 $name: ${reason:-$1/$file is not built for Windows}"
    done
  done
}

# shellcheck disable=SC2086
folders=$(GOOS=windows go list -f '{{.Dir}}' $packages | sed "s|^$root/||")
{
  for folder in $folders; do
    say "=== $folder"
    run "$folder"
  done
  : >"$work/finished"
} | tee "$log" | grep --line-buffered -vE '^(=== (RUN|NAME|PAUSE|CONT) | +--- PASS: )' || true

printf '\n'
for folder in $folders; do left_out "$folder"; done
say 'NOT RUN: symbolic links on Windows: Wine 8 makes none'
# A test with subtests counts by them, and one that fails counts itself, too.
awk '
  /^=== internal/ { package = $2; sub(/:$/, "", package) }
  /^=== (RUN|NAME|CONT) / { current = package " " $3 }
  match($0, /^ +[^ ]+\.go:[0-9]+: /) { last[current] = substr($0, RLENGTH + 1) }
  match($0, /^ .*(NOT RUN|not run): /) { reason[current] = substr($0, RLENGTH + 1) }
  /^ *--- (PASS|FAIL|SKIP): / {
    test = package " " $3
    outcome[test] = $2
    while (sub("/[^/]*$", "", test) && test ~ / /) group[test] = 1
  }
  END {
    for (test in outcome) {
      skips = outcome[test] ~ /SKIP/
      if (skips || test in reason) print "NOT RUN: " test ": " (test in reason ? reason[test] : last[test])
      if (test in group && outcome[test] !~ /FAIL/) continue
      if (skips) { skipped++; continue }
      ran++
      if (outcome[test] ~ /FAIL/) failed[++failures] = test
    }
    printf "Tests on Windows: %d ran, %d skipped themselves, %d failed.\n", ran, skipped, failures
    for (i = 1; i <= failures; i++) print "  FAILED: " failed[i]
    exit ran && !failures ? 0 : 1
  }' "$log" || fail 'see above'
[ -e "$work/finished" ] && [ ! -e "$work/failed" ] || fail 'a test program ended with an error'
