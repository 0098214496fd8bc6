// Package interop runs third-party clients against the sandbox: Microsoft's libraries for Go and Node, the library that
// HashiCorp's azuread provider runs on, and curl with openssl. It holds tests only, with the build tag full.
package interop
