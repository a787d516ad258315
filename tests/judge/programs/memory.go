// expect: memory
// must not: take more than the limit
package main

func main() {
	var all [][]byte
	for {
		some := make([]byte, 1<<24)
		for i := range some {
			some[i] = 1
		}
		all = append(all, some)
	}
}
