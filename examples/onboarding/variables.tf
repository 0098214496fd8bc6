variable "tenant_id" {
  description = "ID (GUID) of the tenant that the mailboxes are migrated into."
  type        = string
}

variable "mailbox" {
  description = "Address of a licensed mailbox of that tenant, dedicated to the migration."
  type        = string
}

variable "store_url" {
  description = "Where connections, keys and secrets are kept, such as file:///srv/codetwo."
  type        = string
}

# Ephemeral: neither the state nor a saved plan ever holds it.
variable "store_passphrase" {
  description = "Passphrase of the connection store, 12 characters or more. Set it as TF_VAR_store_passphrase."
  type        = string
  sensitive   = true
  ephemeral   = true
}
