list "codetwo_target_app_registration" "leftovers" {
  provider = codetwo

  config {
    tenant_id = "00000000-0000-0000-0000-000000000000"
  }
}
