terraform {
  required_version = ">= 1.11"

  required_providers {
    codetwo = {
      source = "codetwo-community/codetwo"
    }
  }
}

# Ephemeral: neither the state nor a saved plan ever holds it. Or omit it and set CODETWO_STORE_PASSPHRASE.
variable "store_passphrase" {
  description = "Passphrase of the connection store, 12 characters or more."
  type        = string
  sensitive   = true
  ephemeral   = true
}

# The identity comes from ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET, or from `az login`.
provider "codetwo" {
  connection_store = {
    url        = "file:///srv/codetwo"
    passphrase = var.store_passphrase
  }
}
