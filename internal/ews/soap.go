package ews

import (
	"encoding/xml"
	"strings"
)

// envelope is as much of an answer to GetFolder, FindFolder or GetUserSettings as is read. Element names are without
// their namespaces, because the prefixes and even the schemes of the namespace URIs differ between Microsoft's
// documents and the service.
type envelope struct {
	XMLName xml.Name `xml:"Envelope"`
	Body    struct {
		Fault    *fault          `xml:"Fault"`
		Messages []folderMessage `xml:"GetFolderResponse>ResponseMessages>GetFolderResponseMessage"`
		Found    []foundMessage  `xml:"FindFolderResponse>ResponseMessages>FindFolderResponseMessage"`
		Settings *struct {
			Code  string         `xml:"ErrorCode"`
			Text  string         `xml:"ErrorMessage"`
			Users []userSettings `xml:"UserResponses>UserResponse"`
		} `xml:"GetUserSettingsResponseMessage>Response"`
	} `xml:"Body"`
}

type fault struct {
	Code   string `xml:"faultcode"`
	Text   string `xml:"faultstring"`
	Detail struct {
		ResponseCode string       `xml:"ResponseCode"`
		Message      string       `xml:"Message"`
		MessageXML   []namedValue `xml:"MessageXml>Value"`
	} `xml:"detail"`
}

type responseMessage struct {
	Class      string       `xml:"ResponseClass,attr"`
	Code       string       `xml:"ResponseCode"`
	Text       string       `xml:"MessageText"`
	MessageXML []namedValue `xml:"MessageXml>Value"`
}

// folderMessage answers for one ID of a GetFolder.
type folderMessage struct {
	responseMessage
	Folders foldersXML `xml:"Folders"`
}

// foundMessage answers for one parent of a FindFolder, with a page of its subfolders.
type foundMessage struct {
	responseMessage
	Root *struct {
		Last    string     `xml:"IncludesLastItemInRange,attr"`
		Next    string     `xml:"IndexedPagingOffset,attr"` // of the page that follows
		Folders foldersXML `xml:"Folders"`
	} `xml:"RootFolder"`
}

// foldersXML holds folders of every kind: the element's name is Folder, CalendarFolder, ContactsFolder, TasksFolder or
// SearchFolder (EWS reference: "Folders").
type foldersXML struct {
	All []folderXML `xml:",any"`
}

type userSettings struct {
	Code     string `xml:"ErrorCode"`
	Text     string `xml:"ErrorMessage"`
	Settings []struct {
		Name  string `xml:"Name"`
		Value string `xml:"Value"`
	} `xml:"UserSettings>UserSetting"`
}

type namedValue struct {
	Name string `xml:"Name,attr"`
	Text string `xml:",chardata"`
}

type folderXML struct {
	ID struct {
		ID string `xml:"Id,attr"`
	} `xml:"FolderId"`
	DisplayName string `xml:"DisplayName"`
	Rights      *struct {
		CreateAssociated boolean `xml:"CreateAssociated"`
		CreateContents   boolean `xml:"CreateContents"`
		CreateHierarchy  boolean `xml:"CreateHierarchy"`
		Delete           boolean `xml:"Delete"`
		Modify           boolean `xml:"Modify"`
		Read             boolean `xml:"Read"`
	} `xml:"EffectiveRights"`
	Permissions []permissionXML `xml:"PermissionSet>Permissions>Permission"`
	OfCalendar  []permissionXML `xml:"PermissionSet>CalendarPermissions>CalendarPermission"`
}

type permissionXML struct {
	Mailbox    string `xml:"UserId>PrimarySmtpAddress"`
	Level      string `xml:"PermissionLevel"`
	OfCalendar string `xml:"CalendarPermissionLevel"`
}

// boolean is xs:boolean, which also has the forms 1 and 0.
type boolean bool

func (b *boolean) UnmarshalText(text []byte) error {
	switch strings.TrimSpace(string(text)) {
	case "true", "1":
		*b = true
	default:
		*b = false
	}
	return nil
}

func (f folderXML) folder() Folder {
	folder := Folder{DisplayName: trim(f.DisplayName)}
	if f.Rights != nil {
		folder.Rights = &Rights{
			CreateAssociated: bool(f.Rights.CreateAssociated),
			CreateContents:   bool(f.Rights.CreateContents),
			CreateHierarchy:  bool(f.Rights.CreateHierarchy),
			Delete:           bool(f.Rights.Delete),
			Modify:           bool(f.Rights.Modify),
			Read:             bool(f.Rights.Read),
		}
	}
	for _, entry := range append(f.Permissions, f.OfCalendar...) {
		folder.Permissions = append(folder.Permissions,
			FolderPermission{Mailbox: trim(entry.Mailbox), Level: firstOf(entry.Level, entry.OfCalendar)})
	}
	return folder
}
