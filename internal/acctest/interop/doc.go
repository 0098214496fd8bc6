// Package interop runs third-party clients against the sandbox: Microsoft's libraries for Go and Node, the library that
// HashiCorp's azuread provider runs on, and curl with openssl; and programs that migrate from the provider's hand-off.
// It holds tests only. Those that need Node, or take long, have the build tag full.
package interop
