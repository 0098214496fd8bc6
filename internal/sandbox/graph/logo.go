package graph

import (
	"bytes"
	"image"
	_ "image/gif" // the formats that a logo may have
	_ "image/jpeg"
	_ "image/png"
	"io"
	"maps"
	"mime"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// logoRoutes are the operations on an application's logo, a stream property (Microsoft Graph: application resource
// type). The rights to write are those of Microsoft's permission data; those to read are the application's own
// (unconfirmed).
var logoRoutes = []route{
	{http.MethodGet, "applications/{application}/logo",
		[]string{appReadAll, appOwnedBy, appReadWriteAll, directoryRead, directoryWrite}, (*call).getLogo},
	{http.MethodPut, "applications/{application}/logo", []string{appOwnedBy, appReadWriteAll}, (*call).putLogo},
}

// maxLogo is how large a logo can be, in bytes (unconfirmed; the Entra admin center asks for less than 100 KB).
const maxLogo = 100 << 10

// logoFormats are the formats of a logo by their content types, as Go's image package calls them (read: HashiCorp's
// azuread provider documents these three).
var logoFormats = map[string]string{"image/gif": "gif", "image/jpeg": "jpeg", "image/png": "png"}

func (c *call) getLogo() *apiError {
	found, failure := c.findApplication(c.Reads)
	if failure != nil {
		return failure
	}
	if found.Logo == nil {
		return notFound("logo") // unconfirmed
	}
	writeLogo(c.w, found.Logo)
	return nil
}

// putLogo replaces the logo. Codes and texts of the refusals are unconfirmed.
func (c *call) putLogo() *apiError {
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	format, known := logoFormats[kind]
	if err != nil || !known {
		return &apiError{status: http.StatusUnsupportedMediaType, code: badRequest,
			message: "A logo's Content-Type must be one of image/gif, image/jpeg and image/png."}
	}
	content, err := io.ReadAll(http.MaxBytesReader(nil, c.r.Body, maxLogo))
	if err != nil {
		return &apiError{status: http.StatusRequestEntityTooLarge, code: badRequest,
			message: "The logo is larger than 100 KB."}
	}
	if _, actual, err := image.DecodeConfig(bytes.NewReader(content)); err != nil || actual != format {
		return invalidValue("logo", "Application")
	}
	changed, failure := c.findApplication(tenant.Present())
	if failure != nil {
		return failure
	}
	path := c.tenant.ID + "/" + changed.ID + "/" + uuid.NewString()
	changed.Logo = &tenant.Logo{Path: path, ContentType: kind, Content: content}
	c.tenant.Directory.Applications.Put(c.api.world.Now(), changed.ID, changed)
	return c.noContent()
}

// logoPath is where anybody can see logos, as on Entra's content delivery network.
const logoPath = "/appbranding/"

// logoURL is the address of an application's logo. Each new logo has another (read: HashiCorp's azuread provider plans
// so).
func (c *call) logoURL(a tenant.Application) any {
	if a.Logo == nil {
		return nil
	}
	return c.api.origin + logoPath + a.Logo.Path
}

// informationalURLs are an application's addresses with that of its logo, which a write of these does not change
// (seen).
func (c *call) informationalURLs(stored any, a tenant.Application) object {
	info := object{}
	if fields, ok := stored.(object); ok {
		maps.Copy(info, fields)
	}
	info["logoUrl"] = c.logoURL(a)
	return info
}

// serveLogo answers with a logo without a token.
func (a *API) serveLogo(w http.ResponseWriter, r *http.Request) {
	t, found := a.world.Find(r.PathValue("tenant"))
	if !found {
		http.NotFound(w, r)
		return
	}
	t.Lock()
	app, _ := t.Directory.Applications.Get(tenant.Present(), strings.ToLower(r.PathValue("application")))
	t.Unlock()
	if app.Logo == nil || logoPath+app.Logo.Path != r.URL.Path {
		http.NotFound(w, r)
		return
	}
	writeLogo(w, app.Logo)
}

func writeLogo(w http.ResponseWriter, logo *tenant.Logo) {
	w.Header().Set("Content-Type", logo.ContentType)
	_, _ = w.Write(logo.Content) // the client is gone: nobody is left to be told
}
