//go:build !openblas && !gonum

package bits

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the digests")

// Digests change where the algorithms do, and with nothing else: if they differ between machines, a promise is broken. To
// find the place, compare the lines: the first that differs comes first.
func TestDigests(t *testing.T) {
	const file = "testdata/digests.txt"
	var got bytes.Buffer
	if err := Digests(&got); err != nil {
		t.Fatal(err)
	}
	if err := Fits(&got); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("these bits differ from those of other machines:\n%swant\n%s", got.Bytes(), want)
	}
}
