package fuzz

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow"
)

// FuzzFlow feeds arbitrary data to the whole path. Either FitRBIG explains what is wrong with it, or the result is a
// model whose latents, densities and inverse are numbers, and which its coupling twin equals bit for bit.
func FuzzFlow(f *testing.F) {
	f.Add(floatBytes(1, 2, 3, 4, 5, 6, 7, 8), uint8(1), uint8(2), uint64(0))
	r := rand.New(rand.NewPCG(1, 2))
	for _, cols := range []uint8{1, 2, 3, 5} {
		v := make([]float64, 24*int(cols))
		for i := range v {
			v[i] = r.NormFloat64() * math.Pow(10, float64(i%int(cols)*3))
		}
		f.Add(floatBytes(v...), cols, uint8(cols), uint64(cols))
	}
	f.Add(floatBytes(1, 1, 1, 1, 1, 1, 1, 1), uint8(2), uint8(1), uint64(0))
	f.Add(floatBytes(math.NaN(), math.Inf(1), 1e300, -1e300, 5e-324, 0), uint8(2), uint8(1), uint64(0))
	f.Add([]byte{}, uint8(0), uint8(0), uint64(0))

	f.Fuzz(func(t *testing.T, data []byte, cols, components uint8, seed uint64) {
		d := int(cols)%6 + 1
		n := min(len(data)/8/d, 64)
		if n == 0 {
			return
		}
		x := mat.NewDense(n, d, nil)
		for i := range n {
			for j := range d {
				x.Set(i, j, math.Float64frombits(binary.LittleEndian.Uint64(data[8*(i*d+j):])))
			}
		}
		diagonal, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: 2, Components: int(components)%4 + 1, Seed: seed})
		if err != nil {
			return
		}
		var z, back mat.Dense
		logDet, p := make([]float64, n), make([]float64, n)
		must(t, diagonal.Forward(&z, logDet, x))
		must(t, diagonal.LogProb(p, x))
		must(t, diagonal.Inverse(&back, nil, &z))
		for i := range n {
			if math.IsNaN(p[i]) || math.IsInf(p[i], 1) {
				t.Fatalf("row %d: log p = %v", i, p[i])
			}
			for j := range d {
				if math.IsNaN(z.At(i, j)) || math.IsNaN(back.At(i, j)) {
					t.Fatalf("row %d, column %d: z = %v, back = %v", i, j, z.At(i, j), back.At(i, j))
				}
			}
		}
		if d < 2 {
			return
		}
		coupled, err := diagonal.Couple(flow.CouplingOptions{Width: 4, Depth: 1, Seed: seed})
		must(t, err)
		var zc mat.Dense
		pc := make([]float64, n)
		must(t, coupled.Forward(&zc, nil, x))
		must(t, coupled.LogProb(pc, x))
		for i := range n {
			if math.Float64bits(p[i]) != math.Float64bits(pc[i]) {
				t.Fatalf("row %d: log p = %v diagonal, %v coupling", i, p[i], pc[i])
			}
			for j := range d {
				if math.Float64bits(z.At(i, j)) != math.Float64bits(zc.At(i, j)) {
					t.Fatalf("row %d, column %d: z = %v diagonal, %v coupling", i, j, z.At(i, j), zc.At(i, j))
				}
			}
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func floatBytes(v ...float64) []byte {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}
