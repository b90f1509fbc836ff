package main

import (
	"fmt"
	"os"
	"strings"
)

// apart chooses two cores: the first, and another that is not the same piece of
// silicon under a second number, if there is such. It returns nil where there is
// only one.
func apart(cores []int, siblings func(core int) string) []int {
	if len(cores) < 2 {
		return nil
	}
	first := siblings(cores[0])
	for _, core := range cores[1:] {
		if s := siblings(core); s == "" || s != first {
			return []int{cores[0], core}
		}
	}
	return cores[:2]
}

// siblings are the numbers of the threads of a core, as the system writes them.
func siblings(core int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", core))
	return strings.TrimSpace(string(b))
}
