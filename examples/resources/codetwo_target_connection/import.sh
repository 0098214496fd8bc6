# <tenant ID>/<mailbox> of a connection in the store; its stored secret is kept
terraform import codetwo_target_connection.target 11111111-2222-3333-4444-555555555555/migration@contoso.onmicrosoft.com
