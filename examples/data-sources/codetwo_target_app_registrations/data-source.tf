data "codetwo_target_app_registrations" "all" {
  tenant_id = "00000000-0000-0000-0000-000000000000"
}

# Applications that this provider did not register, and that can still read every mailbox. An imported application is
# listed here, too: do not delete one that a configuration manages.
output "leftovers" {
  value = {
    for application in data.codetwo_target_app_registrations.all.applications :
    application.client_id => "${application.display_name}, registered ${application.created_at}"
    if !application.managed && try(application.permissions["Office 365 Exchange Online/full_access_as_app"].consented, false)
  }
}
