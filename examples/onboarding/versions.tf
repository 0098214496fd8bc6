terraform {
  required_version = ">= 1.11"

  required_providers {
    codetwo = {
      source = "codetwo-community/codetwo"
    }
  }
}

# The identity comes from the environment, as for the azuread provider: ARM_TENANT_ID, ARM_CLIENT_ID, and
# ARM_CLIENT_SECRET, ARM_CLIENT_CERTIFICATE_PATH, ARM_USE_OIDC=true …, or from `az login`.
provider "codetwo" {
  connection_store = {
    url        = var.store_url
    passphrase = var.store_passphrase
  }
}
