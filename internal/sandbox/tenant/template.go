package tenant

import "strings"

// ApplicationTemplate is an application of Microsoft's gallery, which every tenant can make an instance of (Microsoft
// Graph: applicationTemplate resource type).
type ApplicationTemplate struct {
	ID            string
	DisplayName   string
	Publisher     string
	HomePageURL   string
	LogoURL       string
	Categories    []string
	SignOnModes   []string
	Provisioning  []string
	Roles         []TemplateRole
	PrincipalTags []string // of the service principal of an instance
}

// TemplateRole is an app role that an instance of a template begins with.
type TemplateRole struct{ ID, Name string }

// Tags by which the Entra admin center knows enterprise applications (HashiCorp's azuread provider: feature tags).
const (
	integratedAppTag = "WindowsAzureActiveDirectoryIntegratedApp"
	galleryTag       = "WindowsAzureActiveDirectoryGalleryApplicationNonPrimaryV1"
	customSignOnTag  = "WindowsAzureActiveDirectoryCustomSingleSignOnApplication"
)

// customAppRoles are the app roles of an instance of the template for applications that are not in the gallery.
var customAppRoles = []TemplateRole{
	{"18d14569-c3bd-439b-9a66-3a2aee01d14f", "User"},
	{"b9632174-c057-4f7e-951b-be3adc52bfe6", "msiam_access"},
}

// ApplicationTemplates are a few of the gallery's thousands, the same in every tenant: the one for what is not in the
// gallery, that of Microsoft's own example, and one that HashiCorp's azuread provider is tested with. IDs, names and
// the roles are theirs; what else the first and the last have is unconfirmed.
var ApplicationTemplates = []ApplicationTemplate{
	{
		ID: "8adf8e6e-67b2-4cf2-a259-e3dc5476c621", DisplayName: "Custom", Publisher: "Custom",
		LogoURL:     "https://az495088.vo.msecnd.net/app-logo/customappsso_215.png",
		SignOnModes: []string{"password", "saml", "notSupported"}, Provisioning: []string{"sync"},
		Roles: customAppRoles, PrincipalTags: []string{integratedAppTag, customSignOnTag},
	},
	{
		ID: "00000007-0000-0000-c000-000000000000", DisplayName: "Dynamics CRM Online",
		Publisher: "Microsoft Corporation", HomePageURL: "http://www.microsoft.com/dynamics/crm",
		LogoURL:     "https://az495088.vo.msecnd.net/app-logo/crm_215.png",
		Categories:  []string{"crm", "productivity", "collaboration", "businessMgmt"},
		SignOnModes: []string{"oidc", "external"}, PrincipalTags: []string{integratedAppTag, galleryTag},
	},
	{
		ID: "4601ed45-8ff3-4599-8377-b6649007e876", DisplayName: "Marketo", Publisher: "Marketo",
		HomePageURL: "https://www.marketo.com/", LogoURL: "https://az495088.vo.msecnd.net/app-logo/marketo_215.png",
		Categories: []string{"marketing"}, SignOnModes: []string{"saml"},
		Roles:         []TemplateRole{{"dfd0e7dd-26fb-4b2c-98d2-e444486c1e37", "msiam_access"}},
		PrincipalTags: []string{integratedAppTag, galleryTag},
	},
}

// FindApplicationTemplate finds a template by its ID.
func FindApplicationTemplate(id string) (ApplicationTemplate, bool) {
	for _, template := range ApplicationTemplates {
		if strings.EqualFold(template.ID, id) {
			return template, true
		}
	}
	return ApplicationTemplate{}, false
}
