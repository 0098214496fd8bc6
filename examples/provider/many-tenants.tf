# One provider for every tenant. It signs in as an application that an administrator of each tenant has consented to.
variable "tenants" {
  description = "Target tenants: ID (GUID) and mailbox of each."
  type = map(object({
    tenant_id = string
    mailbox   = string
  }))
}

resource "codetwo_target_app_registration" "target" {
  for_each  = var.tenants
  tenant_id = each.value.tenant_id
}

resource "codetwo_target_connection" "target" {
  for_each               = var.tenants
  tenant_id              = each.value.tenant_id
  mailbox                = each.value.mailbox
  name                   = each.key
  client_id              = codetwo_target_app_registration.target[each.key].client_id
  certificate_thumbprint = codetwo_target_app_registration.target[each.key].certificate.thumbprint
}
