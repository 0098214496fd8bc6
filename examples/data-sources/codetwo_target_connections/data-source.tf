data "codetwo_target_connections" "all" {}

# What ends, and when: the certificates and client secrets of every connection.
output "expiry" {
  value = {
    for connection in data.codetwo_target_connections.all.connections :
    connection.id => coalesce(connection.certificate_not_after, connection.client_secret_expires_at, "unknown")
  }
}
