// expect: passed
// prints: refused
// must not: read a file of the machine
package main

import (
	"fmt"
	"os"
)

func main() {
	for _, path := range []string{"/etc/passwd", "/proc/self", "/root", "/home", "/tmp", "/var"} {
		if _, err := os.Stat(path); err == nil {
			fmt.Println(path)
			return
		}
	}
	fmt.Println("refused")
}
