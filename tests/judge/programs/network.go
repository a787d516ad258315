// expect: passed error
// prints: refused
// must not: open a socket
package main

import (
	"fmt"
	"syscall"
)

func main() {
	for family := 0; family < 46; family++ {
		if fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0); err == nil {
			fmt.Println("socket", fd)
			return
		}
	}
	fmt.Println("refused")
}
