# With the certificate of an application that is registered here: the store has its key already.
resource "codetwo_target_connection" "target" {
  tenant_id              = codetwo_target_app_registration.target.tenant_id
  mailbox                = "migration@contoso.onmicrosoft.com"
  client_id              = codetwo_target_app_registration.target.client_id
  certificate_thumbprint = codetwo_target_app_registration.target.certificate.thumbprint
}

resource "codetwo_target_app_registration" "target" {
  tenant_id = "11111111-2222-3333-4444-555555555555"
}

# The page to open at the migration server.
output "handoff" {
  value = codetwo_target_connection.target.handoff_url
}

# To be sent over another channel than the files, and compared before the script is run.
output "handoff_sha256" {
  value = {
    sheet  = codetwo_target_connection.target.handoff_sheet_sha256
    script = codetwo_target_connection.target.handoff_script_sha256
  }
}
