terraform {
  required_version = ">= 1.11"

  required_providers {
    codetwo = {
      source = "codetwo-community/codetwo"
    }
  }
}

variable "tenant_id" {
  description = "ID (GUID) of the tenant to clean up."
  type        = string
}

# A person decides which ones: a migration that is still running needs its application.
variable "leftovers" {
  description = "Client IDs of the applications to delete, chosen from the output candidates."
  type        = set(string)
  default     = []
}

data "codetwo_target_app_registrations" "all" {
  tenant_id = var.tenant_id
}

output "candidates" {
  description = "Applications that this provider did not register, imported ones among them, by client ID."
  value = {
    for application in data.codetwo_target_app_registrations.all.applications : application.client_id => {
      name        = application.display_name
      created     = application.created_at
      expires     = [for credential in application.credentials : credential.expiry]
      permissions = [for name, permission in application.permissions : name if permission.consented]
    } if !application.managed
  }
}

import {
  for_each = var.leftovers
  to       = codetwo_target_app_registration.leftover[each.key]
  id       = "${var.tenant_id}/${each.key}"
}

# Imported unchanged, since they are about to be deleted.
resource "codetwo_target_app_registration" "leftover" {
  for_each  = var.leftovers
  tenant_id = var.tenant_id

  lifecycle {
    ignore_changes = all
  }
}
