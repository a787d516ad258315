// expect: error
// must not: take a file of the machine into the program
package main

import (
	_ "embed"
	"fmt"
)

//go:embed /etc/passwd
var secret string

func main() { fmt.Println(secret) }
