package msgraph

import (
	"encoding/json"
	"time"

	"github.com/microsoft/kiota-abstractions-go/serialization"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

const certificatePolicyPath = "/policies/defaultAppManagementPolicy?$select=id,isEnabled,applicationRestrictions"

// toCertificatePolicy reads the one rule about certificates out of the tenant's app management policy; nil where it is
// not enforced, or cannot be understood: it only says beforehand what a write would be refused for. The SDK's model is
// not used, as it does not know every type of rule that a policy can have.
func toCertificatePolicy(body json.RawMessage) *entra.CertificatePolicy {
	var policy struct {
		ID                      string `json:"id"`
		Enabled                 bool   `json:"isEnabled"`
		ApplicationRestrictions struct {
			Keys []struct {
				Type         string     `json:"restrictionType"`
				State        string     `json:"state"`
				MaxLifetime  string     `json:"maxLifetime"`
				CreatedAfter *time.Time `json:"restrictForAppsCreatedAfterDateTime"`
			} `json:"keyCredentials"`
		} `json:"applicationRestrictions"`
	}
	if err := json.Unmarshal(body, &policy); err != nil || !policy.Enabled {
		return nil
	}
	for _, rule := range policy.ApplicationRestrictions.Keys {
		if rule.Type != "asymmetricKeyLifetime" || rule.State == "disabled" {
			continue
		}
		duration, err := serialization.ParseISODuration(rule.MaxLifetime)
		if err != nil {
			return nil
		}
		longest, err := duration.ToDuration()
		if err != nil {
			return nil
		}
		return &entra.CertificatePolicy{ID: policy.ID, Longest: longest, CreatedAfter: value(rule.CreatedAfter)}
	}
	return nil
}
