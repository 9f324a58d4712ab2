package gmm

import "slices"

// A sample is a set of rows, each counted weight times.
type sample struct {
	x      []float64
	weight float64
}

// newSketch returns a sample that represents the sorted column s: its extreme rows,
// which determine the tails, and between them the middle row of groups of equal size.
// (Means of groups could fall into gaps between modes.)
func newSketch(s []float64, k int) []sample {
	size := min((len(s)-2*sketchTail)/(sketchGroups*k), sketchGroup)
	if size < 2 {
		return []sample{{s, 1}}
	}
	groups := (len(s) - 2*sketchTail) / size &^ (sketchBlock - 1)
	bulk := make([]float64, groups)
	for i := range bulk {
		bulk[i] = s[sketchTail+i*size+size/2]
	}
	tails := slices.Concat(s[:sketchTail], s[sketchTail+groups*size:])
	return []sample{{tails, 1}, {bulk, float64(size)}}
}
