# An error: apply stops here, and what depends on this data source is not touched. It would stop destroy, too: set
# fail_on_error = false before destroying.
data "codetwo_target_connectivity" "gate" {
  connection_id = codetwo_target_connection.target.id
  revision      = codetwo_target_connection.target.revision
  fail_on_error = true
  depends_on    = [codetwo_target_app_registration.target, codetwo_target_connection.target]
}
