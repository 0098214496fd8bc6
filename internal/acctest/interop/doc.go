// Package interop lets clients that were not written for it speak to the sandbox: Microsoft's libraries for Go and Node,
// the library that HashiCorp's azuread provider runs on, and curl with openssl. There are tests only, and only with the tag full.
package interop
