import {
  to = codetwo_target_app_registration.target
  id = "11111111-2222-3333-4444-555555555555/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
}
