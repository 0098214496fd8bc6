# <tenant ID>/<client ID or object ID>, such as those of an application that CodeTwo's wizard registered
terraform import codetwo_target_app_registration.target 11111111-2222-3333-4444-555555555555/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee
