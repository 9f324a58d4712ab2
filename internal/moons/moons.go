// Package moons holds the two moons, the data set that every introduction to
// normalising flows starts with, inside the program.
package moons

import (
	"bytes"
	_ "embed"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/internal/npy"
)

// scikit-learn's make_moons(5000, noise=0.1, random_state=0), each column less its
// mean and divided by its population standard deviation.
//
//go:embed two_moons_standardized.npy
var standardized []byte

// Standardized returns the two moons as a fresh 5000×2 matrix, one point per row, each
// column with mean 0 and variance 1.
func Standardized() *mat.Dense {
	h, err := npy.ReadHeader(bytes.NewReader(standardized))
	x := mat.NewDense(int(h.Rows), h.Cols, nil)
	if err == nil {
		_, err = h.Type.Decode(x.RawMatrix().Data, standardized[h.Size:])
	}
	if err != nil {
		// The bytes are part of the program: only a broken build gets here.
		panic(fmt.Sprintf("moons: the embedded two_moons_standardized.npy: %v", err))
	}
	return x
}
