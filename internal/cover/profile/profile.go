// Package profile adds up the coverage profiles of several test runs.
package profile

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Profile holds the blocks of code that profiles speak of, by file and place.
type Profile map[string]block

type block struct {
	statements int
	covered    bool
}

// Read adds a profile in the format of go test -coverprofile. A block is covered if one of the profiles says so.
func (p Profile) Read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "mode: ") {
			continue
		}
		fields := strings.Fields(line) // file:from,to statements count
		if len(fields) != 3 {
			return fmt.Errorf("profile: %q is no line of a profile", line)
		}
		statements, err := strconv.Atoi(fields[1])
		if err != nil {
			return fmt.Errorf("profile: the statements of %q: %w", line, err)
		}
		p[fields[0]] = block{statements, p[fields[0]].covered || fields[2] != "0"}
	}
	return lines.Err()
}

// Percent returns the share of the statements of a package and of those below it that are covered; 0 if there are none.
func (p Profile) Percent(importPath string) float64 {
	covered, all := 0, 0
	for place, b := range p {
		if file, _, _ := strings.Cut(place, ":"); !strings.HasPrefix(file, importPath+"/") {
			continue
		}
		all += b.statements
		if b.covered {
			covered += b.statements
		}
	}
	return 100 * float64(covered) / float64(max(all, 1))
}
