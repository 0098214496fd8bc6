package sandbox

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// picture draws a square in a format. The same seed draws the same one.
func picture(t *testing.T, format string, side int, seed uint64) string {
	t.Helper()
	dice := rand.New(rand.NewPCG(seed, 0))
	drawn := image.NewRGBA(image.Rect(0, 0, side, side))
	for x := range side {
		for y := range side {
			drawn.Set(x, y, color.RGBA{uint8(dice.Uint32()), uint8(dice.Uint32()), uint8(dice.Uint32()), 255})
		}
	}
	var b bytes.Buffer
	var err error
	switch format {
	case "gif":
		err = gif.Encode(&b, drawn, nil)
	case "jpeg":
		err = jpeg.Encode(&b, drawn, nil)
	default:
		err = png.Encode(&b, drawn)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// putLogo sends an image of a content type.
func (g *graphSession) putLogo(path, contentType, content string) answer {
	g.t.Helper()
	return g.do(http.MethodPut, "/v1.0"+path+"/logo", content,
		map[string]string{"Authorization": "Bearer " + g.token, "Content-Type": contentType})
}

func TestALogoIsSetShownAndHasAnAddressOfItsOwn(t *testing.T) {
	g := newGraph(t, tenant.OwnedByCaller)
	app := g.newApplication(object{"info": object{"logoUrl": "https://example.com/mine.png",
		"supportUrl": "https://example.com/help"}})
	path := "/applications/" + app["id"].(string)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", path+"/logo", nil)
	var addresses []any
	for i, format := range []string{"png", "jpeg", "gif"} {
		logo := picture(t, format, 48, uint64(i))
		if got := g.putLogo(path, "image/"+format, logo); got.Status != http.StatusNoContent {
			t.Fatalf("a %s is answered HTTP %d: %s", format, got.Status, got.Body)
		}
		got := g.send("GET", path+"/logo", nil)
		info := g.want(http.StatusOK, "GET", path, nil)["info"].(object)
		address, _ := info["logoUrl"].(string)
		shown := g.get(strings.TrimPrefix(address, g.server.Origin())) // without a token
		for _, one := range []answer{got, shown} {
			if one.Status != http.StatusOK || one.Header.Get("Content-Type") != "image/"+format || one.Body != logo {
				t.Errorf("a %s comes back as HTTP %d %s", format, one.Status, one.Header.Get("Content-Type"))
			}
		}
		if info["supportUrl"] != "https://example.com/help" {
			t.Errorf("the other addresses are %v", info)
		}
		addresses = append(addresses, address)
	}
	if addresses[0] == addresses[1] {
		t.Error("a new logo has the old one's address")
	}
	// The service principal shows what its application does.
	principal := g.want(http.StatusCreated, "POST", "/servicePrincipals", object{"appId": app["appId"]})
	if shown := principal["info"].(object)["logoUrl"]; shown != addresses[2] {
		t.Errorf("the service principal's logo is at %v, the application's at %v", shown, addresses[2])
	}
	for _, path := range []string{addresses[0].(string), g.server.Origin() + "/appbranding/nobody/x/y"} {
		if got := g.get(strings.TrimPrefix(path, g.server.Origin())); got.Status != http.StatusNotFound {
			t.Errorf("GET %s is answered HTTP %d", path, got.Status)
		}
	}
	g.want(http.StatusNoContent, "PATCH", path, object{"info": object{"logoUrl": "https://example.com/mine.png"}})
	if info := g.want(http.StatusOK, "GET", path, nil)["info"].(object); info["logoUrl"] != addresses[2] {
		t.Errorf("a PATCH makes the address %v", info["logoUrl"])
	}
}

func TestALogoIsSetInABatchToo(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	path := "/applications/" + g.newApplication(object{})["id"].(string)
	logo := picture(t, "png", 48, 1)
	for _, alphabet := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
		part := g.batch(object{"id": "1", "method": "PUT", "url": path + "/logo",
			"headers": object{"Content-Type": "image/png"}, "body": alphabet.EncodeToString([]byte(logo))})["1"]
		if part.Status != http.StatusNoContent || g.send("GET", path+"/logo", nil).Body != logo {
			t.Errorf("the part is answered HTTP %d %s", part.Status, part.Body)
		}
	}
	part := g.batch(object{"id": "1", "method": "PUT", "url": path + "/logo",
		"headers": object{"Content-Type": "image/png"}, "body": "not base64!"})["1"]
	if part.Status != http.StatusBadRequest {
		t.Errorf("what is not base64 is answered HTTP %d %s", part.Status, part.Body)
	}
}

func TestALogoThatIsNotOneIsRefused(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	path := "/applications/" + g.newApplication(object{})["id"].(string)
	small := picture(t, "png", 48, 1)
	for sentence, test := range map[string]struct {
		contentType, content string
		status               int
	}{
		"JSON":                   {"application/json", `{}`, http.StatusUnsupportedMediaType},
		"no type":                {"", small, http.StatusUnsupportedMediaType},
		"a format besides these": {"image/svg+xml", "<svg/>", http.StatusUnsupportedMediaType},
		"no image at all":        {"image/png", "what", http.StatusBadRequest},
		"nothing":                {"image/png", "", http.StatusBadRequest},
		"another type":           {"image/jpeg", small, http.StatusBadRequest},
		"more than 100 KB":       {"image/png", picture(t, "png", 215, 1), http.StatusRequestEntityTooLarge},
	} {
		if got := g.putLogo(path, test.contentType, test.content); got.Status != test.status ||
			!strings.Contains(got.Body, "Request_BadRequest") {
			t.Errorf("%s: HTTP %d %s", sentence, got.Status, got.Body)
		}
	}
	if got := g.putLogo("/applications/"+noObject, "image/png", small); got.Status != http.StatusNotFound {
		t.Errorf("of no application: HTTP %d", got.Status)
	}
	other := g.as(tenant.OwnedByCaller)
	if got := other.putLogo(path, "image/png", small); got.Status != http.StatusForbidden {
		t.Errorf("of somebody else's application: HTTP %d", got.Status)
	}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", path+"/logo", nil)
}
