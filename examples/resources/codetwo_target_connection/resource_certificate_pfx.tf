# With a certificate from elsewhere, as with the wizard's Import: the store keeps it, and the file is then no longer needed.
variable "pfx_password" {
  type      = string
  sensitive = true
  ephemeral = true
}

resource "codetwo_target_connection" "imported" {
  tenant_id                           = "11111111-2222-3333-4444-555555555555"
  mailbox                             = "second@contoso.onmicrosoft.com"
  client_id                           = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
  certificate_thumbprint              = "0123456789ABCDEF0123456789ABCDEF01234567"
  certificate_pfx_path                = "/secure/codetwo.pfx"
  certificate_pfx_password_wo         = var.pfx_password
  certificate_pfx_password_wo_version = 1
  certificate_pfx_encryption          = "legacy" # for a migration server with Windows Server 2016; leave it out otherwise
}
