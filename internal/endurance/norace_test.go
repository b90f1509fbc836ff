//go:build !race

package endurance

const raceEnabled = false
