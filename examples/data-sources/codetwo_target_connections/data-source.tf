data "codetwo_target_connections" "all" {}

# When the certificate or client secret of each connection expires.
output "expiry" {
  value = {
    for connection in data.codetwo_target_connections.all.connections :
    connection.id => coalesce(connection.certificate_not_after, connection.client_secret_expires_at, "unknown")
  }
}
