resource "codetwo_target_app_registration" "target" {
  tenant_id = "11111111-2222-3333-4444-555555555555"
}

resource "codetwo_target_connection" "target" {
  tenant_id              = codetwo_target_app_registration.target.tenant_id
  mailbox                = "migration@contoso.onmicrosoft.com"
  client_id              = codetwo_target_app_registration.target.client_id
  certificate_thumbprint = codetwo_target_app_registration.target.certificate.thumbprint
}

data "codetwo_target_connectivity" "target" {
  connection_id = codetwo_target_connection.target.id
  revision      = codetwo_target_connection.target.revision
  depends_on    = [codetwo_target_app_registration.target, codetwo_target_connection.target]
}

# A failed check is a warning in every plan until it is repaired; it blocks nothing. The data source's own warning has the
# remedies.
check "connectivity" {
  assert {
    condition = data.codetwo_target_connectivity.target.connected == true
    error_message = join("\n", [
      for check in data.codetwo_target_connectivity.target.checks : "${check.name}: ${check.detail}" if check.status == "failed"
    ])
  }
}
