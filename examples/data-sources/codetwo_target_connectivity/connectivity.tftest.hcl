# terraform test: the tenant is ready for the migration.
run "codetwo_can_connect" {
  command = apply

  assert {
    condition     = data.codetwo_target_connectivity.target.connected == true
    error_message = "CodeTwo cannot connect yet: see data.codetwo_target_connectivity.target.checks."
  }
}
