# terraform test -var connection_id=<tenant_id>/<mailbox>
run "codetwo_can_connect" {
  command = plan

  assert {
    condition = data.codetwo_target_connectivity.target.connected == true
    error_message = join("\n", concat(["It is not proved that CodeTwo can connect. The warning says what to do."], [
      for check in data.codetwo_target_connectivity.target.checks : "${check.name}: ${check.detail}" if check.status == "failed"
    ]))
  }
}
