# With the client secret of an application that was registered by hand. A higher version passes a new secret on.
variable "client_secret" {
  type      = string
  sensitive = true
  ephemeral = true
}

resource "codetwo_target_connection" "by_hand" {
  tenant_id                = "11111111-2222-3333-4444-555555555555"
  mailbox                  = "migration@contoso.onmicrosoft.com"
  client_id                = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
  client_secret_wo         = var.client_secret
  client_secret_wo_version = 1
  client_secret_expires_at = "2027-03-31T00:00:00Z"
}
