//go:build race

package endurance

const raceEnabled = true
