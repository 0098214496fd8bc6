package ews

import (
	"context"
	"encoding/xml"
	"net/http"
)

// Route says which mailbox serves a request for the public folder hierarchy. Both are SMTP addresses and may be empty.
type Route struct {
	Anchor              string // for X-AnchorMailbox
	PublicFolderMailbox string // for X-PublicFolderMailbox; its local part is a GUID
}

// settingNotAvailable is a mailbox's answer for a setting that it does not have.
const settingNotAvailable = "SettingIsNotAvailable"

// PublicFolderRoute asks SOAP Autodiscover which mailbox holds the public folder hierarchy that the mailbox sees
// (Microsoft: "Route public folder hierarchy requests"). The zero Route without an error means that the mailbox has no
// such setting. Whether Autodiscover accepts an app's own token instead of a user's is unconfirmed. Errors are *Error
// when Exchange answered.
func (c *Client) PublicFolderRoute(ctx context.Context, mailbox string) (Route, error) {
	address := c.origin + "/autodiscover/autodiscover.svc"
	var route Route
	err := c.ask(ctx, address, getUserSettings(address, mailbox), Route{Anchor: mailbox},
		func(answer *http.Response, body []byte) (err error) {
			route, err = readRoute(answer, body)
			return err
		})
	return route, err
}

func readRoute(answer *http.Response, body []byte) (Route, error) {
	if answer.StatusCode != http.StatusOK {
		return Route{}, errorOf(answer, body)
	}
	var envelope envelope
	if err := xml.Unmarshal(body, &envelope); err != nil || envelope.Body.Settings == nil {
		failure := errorOf(answer, body)
		failure.NotEWS = envelope.Body.Fault == nil
		return Route{}, failure
	}
	response := envelope.Body.Settings
	code, text := trim(response.Code), trim(response.Text)
	if code == "NoError" && len(response.Users) > 0 {
		user := response.Users[0]
		if code, text = trim(user.Code), trim(user.Text); code == "NoError" || code == settingNotAvailable {
			return user.route(), nil
		}
	}
	failure := errorOf(answer, nil)
	failure.Code, failure.Message = code, text
	return Route{}, failure
}

func (s userSettings) route() Route {
	var route Route
	for _, setting := range s.Settings {
		switch trim(setting.Name) {
		case "PublicFolderInformation":
			route.Anchor = trim(setting.Value)
		case "InternalRpcClientServer":
			route.PublicFolderMailbox = trim(setting.Value)
		}
	}
	if route.Anchor == "" {
		return Route{} // the second setting alone names the mailbox's own server
	}
	return route
}

func getUserSettings(address, mailbox string) string {
	const autodiscover = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
	return `<?xml version="1.0" encoding="utf-8"?>` +
		`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:w="http://www.w3.org/2005/08/addressing" ` +
		`xmlns:a="` + autodiscover + `">` +
		`<s:Header><a:RequestedServerVersion>Exchange2013_SP1</a:RequestedServerVersion>` +
		`<w:Action>` + autodiscover + `/Autodiscover/GetUserSettings</w:Action><w:To>` + escape(address) +
		`</w:To></s:Header>` +
		`<s:Body><a:GetUserSettingsRequestMessage><a:Request>` +
		`<a:Users><a:User><a:Mailbox>` + escape(mailbox) + `</a:Mailbox></a:User></a:Users>` +
		`<a:RequestedSettings><a:Setting>PublicFolderInformation</a:Setting><a:Setting>InternalRpcClientServer</a:Setting>` +
		`</a:RequestedSettings>` +
		`</a:Request></a:GetUserSettingsRequestMessage></s:Body></s:Envelope>`
}
