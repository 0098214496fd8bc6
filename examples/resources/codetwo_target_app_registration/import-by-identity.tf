import {
  to = codetwo_target_app_registration.fabrikam

  identity = {
    tenant_id = "66666666-7777-8888-9999-000000000000"
    object_id = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
  }
}
