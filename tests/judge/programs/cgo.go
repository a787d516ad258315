// expect: error
// must not: run a C compiler with flags of its own
package main

// #cgo CFLAGS: -fplugin=./evil.so
// #include "/etc/passwd"
import "C"

func main() {}
