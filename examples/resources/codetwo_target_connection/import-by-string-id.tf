import {
  to = codetwo_target_connection.target
  id = "11111111-2222-3333-4444-555555555555/migration@contoso.onmicrosoft.com"
}
