//go:build full

package handoff

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var screenshots = flag.String("screenshots", "", "folder for pictures of the sheet, to be looked at")

// tab is a sheet that is open in Chromium, and all that it did which it should not have done.
type tab struct {
	context.Context
	t *testing.T

	guard   sync.Mutex
	trouble []string
}

var (
	chromium      context.Context
	startChromium sync.Once
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if chromium != nil {
		_ = chromedp.Cancel(chromium)
	}
	os.Exit(code)
}

// browse opens a sheet as its reader does, from a file.
func browse(t *testing.T, s Sheet) *tab {
	t.Helper()
	return browsePage(t, render(t, s))
}

func browsePage(t *testing.T, content string) *tab {
	t.Helper()
	startChromium.Do(func() {
		allocator, _ := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath("chromium"), chromedp.NoSandbox)...)
		chromium, _ = chromedp.NewContext(allocator)
		if err := chromedp.Do(chromium); err != nil {
			t.Fatalf("Chromium (Debian: apt install chromium) does not start: %v", err)
		}
	})
	file := filepath.Join(t.TempDir(), "sheet.html")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	address := (&url.URL{Scheme: "file", Path: file}).String()
	ctx, closeTab := chromedp.NewContext(chromium)
	t.Cleanup(closeTab)
	if err := chromedp.Do(ctx); err != nil { // which opens the tab, and must have no deadline
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(ctx, time.Minute) // what never happens fails this test, not all of them
	t.Cleanup(stop)
	b := &tab{Context: ctx, t: t}
	b.must(chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if e.Request.URL != address {
				b.note("requested " + e.Request.URL)
			}
		case *page.EventJavascriptDialogOpening:
			b.note("opened a dialog: " + e.Message)
		case *runtime.EventExceptionThrown:
			b.note("threw " + e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			b.note("was reported: " + e.Entry.Text)
		}
	}))
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	for _, permission := range []string{"clipboard-read", "clipboard-write"} {
		_, err := chromedp.CallBrowser(b, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: permission}, Setting: browser.PermissionSettingGranted})
		b.must(err)
	}
	b.look(1100, "light", "")
	b.must(chromedp.Do(b, chromedp.Navigate(address)))
	return b
}

func (b *tab) note(trouble string) {
	b.guard.Lock()
	defer b.guard.Unlock()
	b.trouble = append(b.trouble, trouble)
}

func (b *tab) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func call[P, R any](b *tab, command cdp.Command[P, R], parameters P) R {
	b.t.Helper()
	result, err := chromedp.Call(b, command, parameters)
	b.must(err)
	return result
}

// look sets the window's width, the reader's colour scheme, and the medium: "print", or empty for the screen.
func (b *tab) look(width int64, scheme, media string) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900,
		DeviceScaleFactor: 1})
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media,
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

func eval[T any](b *tab, script string) T {
	b.t.Helper()
	result, err := chromedp.Run(b, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	b.must(err)
	return result
}

// sheets are the kinds of sheet that there are.
func sheets() map[string]Sheet {
	whole := withCertificate()
	whole.ScriptPath = tenantID + "/handoff/" + mailbox + ".ps1"
	whole.HandoffRecipients, whole.MigratePublicFolders = []string{recipient}, true
	whole.PublicFolderPaths = []string{`\Sales\Archive`, `\HR`}
	elsewhere := withCertificate()
	elsewhere.HasPFX, elsewhere.CertificateNotAfter = false, nil
	secret := withSecret()
	secret.HandoffRecipients = []string{recipient}
	return map[string]Sheet{"certificate": whole, "elsewhere": elsewhere, "secret": secret,
		"malicious": withHostileValues()}
}

func TestEveryCopyButtonPutsExactlyItsValueOnTheClipboard(t *testing.T) {
	for name, s := range sheets() {
		for way, prepare := range map[string]string{
			"by the clipboard API": `true`,
			"without it":           `navigator.clipboard.writeText = () => Promise.reject(new Error("refused")), true`,
		} {
			t.Run(name+" "+way, func(t *testing.T) {
				b := browse(t, s)
				reader := browsePage(t, "<!doctype html><title>reader</title>")
				eval[bool](b, prepare)
				values := copied(t, render(t, s))
				if buttons := eval[int](b, `document.querySelectorAll("button").length`); buttons != len(values) ||
					len(values) < 5 {
					t.Fatalf("%d buttons, and %d values", buttons, len(values))
				}
				for i, value := range values {
					eval[bool](reader, `navigator.clipboard.writeText("nothing").then(() => true)`)
					at := eval[[]float64](b, fmt.Sprintf(`(() => { const button = document.querySelectorAll("button")[%d]; button.scrollIntoView({block: "center"});
						const box = button.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()`, i))
					b.must(chromedp.Do(b, chromedp.MouseClickXY(at[0], at[1])))
					if !eval[bool](b, fmt.Sprintf(`new Promise(done => { const button = document.querySelectorAll("button")[%d]; setTimeout(() => done(false), 10000);
						const look = () => button.classList.contains("done") ? done(true) : requestAnimationFrame(look); look(); })`, i)) {
						t.Fatalf("button %d never says that it copied", i)
					}
					if got := eval[string](reader, `navigator.clipboard.readText()`); got != value {
						t.Errorf("button %d puts %q on the clipboard, not %q", i, got, value)
					}
				}
			})
		}
	}
}

func TestTheSheetCountsTheDaysWhenItIsRead(t *testing.T) {
	for days, want := range map[int]string{-2: " – over", 10: " – in 10 days", 1: " – in 1 day",
		0: " – within a day", 61: ""} {
		s := withCertificate()
		end := time.Now().AddDate(0, 0, days).Add(time.Hour)
		s.CertificateNotAfter = &end
		b := browse(t, s)
		if got := eval[string](b,
			`document.querySelector(".facts time").textContent`); got != end.UTC().Format("2006-01-02")+want {
			t.Errorf("a certificate that ends in %d days is valid until %q", days, got)
		}
	}
}

// settled returns what the page did, once all that it was going to do has been told.
func (b *tab) settled() []string {
	b.t.Helper()
	eval[int](b, `new Promise(done => requestAnimationFrame(() => setTimeout(() => done(1))))`)
	b.guard.Lock()
	defer b.guard.Unlock()
	return b.trouble
}

func TestTheSheetAsksTheNetworkForNothingAndRunsNothingOfItsValues(t *testing.T) {
	for name, s := range sheets() {
		t.Run(name, func(t *testing.T) {
			b := browse(t, s)
			eval[bool](b, `for (const control of document.querySelectorAll("button, summary, input")) control.click(); true`)
			for _, media := range []string{"", "print"} {
				b.look(1100, "dark", media)
			}
			if trouble := b.settled(); len(trouble) > 0 {
				t.Errorf("the page\n%s", strings.Join(trouble, "\n"))
			}
		})
	}
	// The watch itself: a page without our care is seen to do all that.
	b := browsePage(
		t, `<!doctype html><title>t</title><img src="http://127.0.0.1:9/pixel.png"><script>console.clear(); nothing.at.all</script>`)
	for _, want := range []string{"requested http://127.0.0.1:9/pixel.png", "threw Uncaught"} {
		if trouble := b.settled(); !slices.ContainsFunc(trouble,
			func(seen string) bool { return strings.HasPrefix(seen, want) }) {
			t.Errorf("nobody saw what a careless page did: %q", trouble)
		}
	}
}

// tooWide are the elements that stick out of the window, or hide some of their own text.
const tooWide = `[...document.querySelectorAll("body *")].filter(e => {
	const box = e.getBoundingClientRect(), style = getComputedStyle(e);
	if (e.id === "said" || box.width === 0) return false;
	const scrolls = style.overflowX === "auto" && matchMedia("screen").matches;
	const hidesText = style.display !== "inline" && e.scrollWidth > e.clientWidth + 1 && !scrolls;
	return box.left < 0 || (box.right > innerWidth + 1 && !e.closest("pre")) || (hidesText && !e.closest("pre code"));
}).map(e => e.tagName + "." + e.className + ": " + e.textContent.slice(0, 60))`

func TestNothingIsCutOffOnAPhoneAnywhereOrOnPaper(t *testing.T) {
	for name, s := range sheets() {
		t.Run(name, func(t *testing.T) {
			b := browse(t, s)
			eval[bool](b, `for (const d of document.querySelectorAll("details")) d.open = true; true`)
			for _, width := range []int64{320, 360, 700, 1100} {
				b.look(width, "light", "")
				if out := eval[[]string](b, tooWide); len(out) > 0 ||
					eval[int64](b, `document.documentElement.scrollWidth`) > width {
					t.Errorf("at %d pixels, these stick out: %q", width, out)
				}
			}
			b.look(718, "dark", "print") // A4 with margins of one centimetre
			if out := eval[[]string](b,
				tooWide+`.concat([...document.querySelectorAll("pre, code")].filter(e => e.scrollHeight > e.clientHeight + 1 && getComputedStyle(e).display !== "inline").map(e => "cut: " + e.textContent.slice(0, 60)))`); len(out) > 0 {
				t.Errorf("on paper, these are cut off: %q", out)
			}
			if shown := eval[int](b,
				`[...document.querySelectorAll("button")].filter(e => e.getBoundingClientRect().width > 0).length`); shown > 0 {
				t.Errorf("%d buttons are printed", shown)
			}
		})
	}
}

// faint are the texts whose contrast is below WCAG 2.2's level AA (success criterion 1.4.3): 4.5, and 3 for large ones.
const faint = `(() => {
	const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
	const rgba = color => {
		paint.clearRect(0, 0, 1, 1);
		paint.fillStyle = color;
		paint.fillRect(0, 0, 1, 1);
		return [...paint.getImageData(0, 0, 1, 1).data];
	};
	const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
	const luminance = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
	const behind = e => {
		for (; e; e = e.parentElement) {
			const c = rgba(getComputedStyle(e).backgroundColor);
			if (c[3] === 255) return c;
		}
		return [255, 255, 255];
	};
	const found = [];
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walker.nextNode()) {
		const e = walker.currentNode.parentElement, style = getComputedStyle(e);
		if (!walker.currentNode.data.trim() || ["SCRIPT", "STYLE"].includes(e.tagName) || e.id === "said") continue;
		const [a, b] = [luminance(rgba(style.color)), luminance(behind(e))].sort((x, y) => y - x);
		const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
		const ratio = (a + .05) / (b + .05);
		const text = walker.currentNode.data.trim().slice(0, 40);
		if (ratio < (large ? 3 : 4.5)) found.push(ratio.toFixed(2) + " " + e.tagName + "." + e.className + ": " + text);
	}
	return found;
})()`

func TestEveryTextStandsOutFromItsBackground(t *testing.T) {
	for name, s := range sheets() {
		b := browse(t, s)
		eval[bool](b, `for (const d of document.querySelectorAll("details")) d.open = true;
			for (const box of document.querySelectorAll("input")) box.click();
			for (const time of [...document.querySelectorAll("time")].slice(0, 2)) time.className = "soon";
			for (const time of [...document.querySelectorAll("time")].slice(-1)) time.className = "over";
			document.querySelector("button").classList.add("done"); true`)
		for _, scheme := range []string{"light", "dark"} {
			b.look(1100, scheme, "")
			if found := eval[[]string](b, faint); len(found) > 0 {
				t.Errorf("%s, %s: %s", name, scheme, strings.Join(found, "\n"))
			}
		}
	}
}

func TestTheKeyboardReachesEveryControlAndShowsWhereItIs(t *testing.T) {
	b := browse(t, sheets()["certificate"])
	controls := eval[int](b, `document.querySelectorAll("button, summary, input, pre").length`)
	seen := map[string]bool{}
	for range controls {
		b.must(chromedp.Do(b, chromedp.KeyEvent("\t")))
		at := eval[[]string](b, `(() => { const e = document.activeElement, style = getComputedStyle(e);
			const all = [...document.querySelectorAll("button, summary, input, pre")];
			return [all.indexOf(e) + " " + e.tagName, style.outlineStyle, style.outlineWidth, e.getAttribute("aria-label") || e.labels?.[0]?.textContent.trim() || e.textContent.trim()]; })()`)
		if at[1] == "none" || at[2] == "0px" || at[3] == "" {
			t.Errorf("%s has the focus, and does not show it, or has no name: %q", at[0], at)
		}
		seen[at[0]] = true
	}
	if names := eval[[]string](b,
		`[...document.querySelectorAll("button")].map(e => e.ariaLabel)`); len(
		slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
		t.Errorf("two buttons have one name: %q", names)
	}
	if len(seen) != controls {
		t.Errorf("the tabulator reaches %d of %d controls: %v", len(seen), controls, seen)
	}
}

func TestTheSheetIsLightDarkOrPaperAsItsReaderWishes(t *testing.T) {
	for name, s := range sheets() {
		b := browse(t, s)
		for view, set := range map[string]struct {
			width         int64
			scheme, media string
			bright        bool
		}{
			"light": {1100, "light", "", true}, "dark": {1100, "dark", "", false},
			"narrow": {360, "light", "", true}, "narrow-dark": {360, "dark", "", false}, "print": {718, "dark", "print", true},
		} {
			b.look(set.width, set.scheme, set.media)
			picture, err := chromedp.Run(b, chromedp.FullScreenshot(100))
			b.must(err)
			b.keep(name+"-"+view+".png", picture)
			decoded, err := png.Decode(bytes.NewReader(picture))
			b.must(err)
			if red, _, _, _ := decoded.At(1, 1).RGBA(); (red > 0x8000) != set.bright {
				t.Errorf("%s, %s: the page's ground is %x", name, view, red)
			}
		}
		document, err := chromedp.Run(b, chromedp.PrintToPDF())
		b.must(err)
		b.keep(name+".pdf", document)
	}
}

// keep writes a picture for people to look at, if somebody asked for them.
func (b *tab) keep(name string, content []byte) {
	b.t.Helper()
	if *screenshots != "" {
		b.must(os.WriteFile(filepath.Join(*screenshots, name), content, 0o600))
	}
}
