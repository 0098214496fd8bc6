output "permissions" {
  description = "What the app may do in the tenant, for the security review."
  value = {
    for name, permission in codetwo_target_app_registration.target.permissions :
    name => "${permission.risk} risk: ${permission.purpose}"
  }
}

output "connectivity" {
  description = "What CodeTwo's Configure step would find. The data source's warning says what to do about it."
  value = {
    for check in data.codetwo_target_connectivity.target.checks :
    check.name => "${check.status}: ${check.detail}"
  }
}

output "handoff" {
  description = "The sheet for the person at the migration server."
  value       = codetwo_target_connection.target.handoff_url
}

output "handoff_sha256" {
  description = "Hashes of the sheet and the script, to be sent over another channel and compared before they are used."
  value = {
    sheet  = codetwo_target_connection.target.handoff_sheet_sha256
    script = codetwo_target_connection.target.handoff_script_sha256
  }
}
