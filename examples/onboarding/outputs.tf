output "permissions" {
  description = "What the app may do in the tenant, for the security review."
  value = {
    for name, permission in codetwo_target_app_registration.target.permissions :
    name => "${permission.risk} risk: ${permission.purpose}"
  }
}

output "connectivity" {
  description = "What CodeTwo's Configure step would find, and what to do about it."
  value       = data.codetwo_target_connectivity.target.checks
}

output "handoff" {
  description = "The sheet for the person at the migration server."
  value       = codetwo_target_connection.target.handoff_url
}
