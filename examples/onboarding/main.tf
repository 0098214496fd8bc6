# The wizard's step "Application registration": application, certificate, permissions and consent.
resource "codetwo_target_app_registration" "target" {
  tenant_id          = var.tenant_id
  permission_profile = "existing_mailboxes"
}

# The wizard's step "Application details": what the program asks for, kept in the store with the certificate's key.
resource "codetwo_target_connection" "target" {
  tenant_id              = codetwo_target_app_registration.target.tenant_id
  mailbox                = var.mailbox
  client_id              = codetwo_target_app_registration.target.client_id
  certificate_thumbprint = codetwo_target_app_registration.target.certificate.thumbprint
}

# The wizard's step "Configure": signs in as the app, and walks the path that CodeTwo will walk. With depends_on it is
# checked after a changed registration, too.
data "codetwo_target_connectivity" "target" {
  connection_id = codetwo_target_connection.target.id
  revision      = codetwo_target_connection.target.revision
  depends_on    = [codetwo_target_app_registration.target, codetwo_target_connection.target]
}

# A failed check is a warning in every plan until it is repaired; it blocks nothing.
check "connectivity" {
  assert {
    condition     = data.codetwo_target_connectivity.target.connected == true
    error_message = "CodeTwo could not connect to ${var.mailbox} yet: the output connectivity shows the checks."
  }
}
