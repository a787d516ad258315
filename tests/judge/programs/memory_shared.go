// expect: passed
// prints: refused
// must not: take more than the limit in a way that is not counted
package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	size, kind := 1<<30, syscall.MAP_SHARED
	some, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, kind|syscall.MAP_ANON)
	if zero, e := os.OpenFile("/dev/zero", os.O_RDWR, 0); e == nil && err != nil {
		some, err = syscall.Mmap(int(zero.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, kind)
	}
	if err != nil {
		fmt.Println("refused")
		return
	}
	for i := 0; i < size; i += 4096 {
		some[i] = 1
	}
	fmt.Println("taken")
}
