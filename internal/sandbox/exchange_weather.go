package sandbox

import (
	"io"
	"net/http"
)

// autodiscoverWeather is the name of SOAP Autodiscover among the folders that weather is over.
const autodiscoverWeather = "autodiscover"

// exchangeWeather is an answer of Exchange that no setting of a tenant here causes, given to every request while it
// lasts. The zero value is fair weather.
type exchangeWeather struct {
	Status int    `json:"status"`           // of the HTTP answer; 0: fair weather
	Code   string `json:"code,omitempty"`   // a SOAP fault with this response code
	Reason string `json:"reason,omitempty"` // X-EWS-Policy-Reason
	Page   string `json:"page,omitempty"`   // a body that is not Exchange's, as of a proxy
	Folder string `json:"folder,omitempty"` // only requests for this distinguished folder; empty: all but autodiscover
	Silent bool   `json:"silent,omitempty"` // no answer at all, until the client gives up
}

func (e exchangeWeather) over(folder string) bool {
	return (e.Status != 0 || e.Silent) && (e.Folder == folder || e.Folder == "" && folder != autodiscoverWeather)
}

func (e exchangeWeather) answer(w http.ResponseWriter) {
	switch {
	case e.Code != "":
		writeEWSFault(w, e.Status, ewsFault{Code: e.Code, Message: "The sandbox was told to answer so."})
	case e.Status == http.StatusUnauthorized:
		refuseEWSToken(w)
	case e.Reason != "":
		w.Header().Set("X-EWS-Policy-Reason", e.Reason)
		w.WriteHeader(e.Status)
	default:
		w.WriteHeader(e.Status)
		_, _ = io.WriteString(w, e.Page)
	}
}
