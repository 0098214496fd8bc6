# What CodeTwo needs to migrate into mailboxes that exist: application, certificate, permissions and admin consent.
resource "codetwo_target_app_registration" "target" {
  tenant_id = "11111111-2222-3333-4444-555555555555"
}

# More permissions, a longer key, and an earlier renewal.
resource "codetwo_target_app_registration" "fabrikam" {
  tenant_id          = "66666666-7777-8888-9999-000000000000"
  permission_profile = "create_mailboxes"

  additional_permissions = [
    { api = "Microsoft Graph", name = "MailboxSettings.ReadWrite" },
  ]

  certificate = {
    validity_years    = 2
    key_size          = 3072
    renew_before_days = 90
  }
}

# For the security review: what the application may do, and the risk of each permission.
output "permissions" {
  value = {
    for name, permission in codetwo_target_app_registration.target.permissions :
    name => "${permission.risk} risk: ${permission.purpose}"
  }
}
