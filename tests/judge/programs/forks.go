// expect: passed
// prints: refused
// must not: create a process
package main

import (
	"fmt"
	"os/exec"
	"syscall"
)

func main() {
	for _, path := range []string{"/bin/true", "/usr/bin/go", "/usr/lib/go/bin/go"} {
		if exec.Command(path, "version").Run() == nil {
			fmt.Println("started", path)
			return
		}
	}
	if _, err := syscall.ForkExec("/usr/bin/as", []string{"as"}, nil); err == nil {
		fmt.Println("forked")
		return
	}
	fmt.Println("refused")
}
