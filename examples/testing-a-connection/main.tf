# In a separate folder: a test run creates what its module declares, and this module declares only the check.
# Store and passphrase come from CODETWO_STORE_URL and CODETWO_STORE_PASSPHRASE.
terraform {
  required_version = ">= 1.11"

  required_providers {
    codetwo = {
      source = "codetwo-community/codetwo"
    }
  }
}

variable "connection_id" {
  description = "The id of a codetwo_target_connection that exists: <tenant_id>/<mailbox>."
  type        = string
}

data "codetwo_target_connectivity" "target" {
  connection_id = var.connection_id
}
