# <tenant ID>/<mailbox> of a connection in the store; the configuration's client secret is written again
terraform import codetwo_target_connection.target 11111111-2222-3333-4444-555555555555/migration@contoso.onmicrosoft.com
