package kernels_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gaussflow/gaussflow/internal/kerneltest"
	"github.com/gaussflow/gaussflow/kernels"
)

var update = flag.Bool("update", false, "rewrite testdata/checksums.txt with what the reference returns here")

const checksums = "testdata/checksums.txt"

// Checksums of the outputs of every kernel on fixed inputs are the same on every tier, architecture and setting of the
// compiler: a product that the compiler fuses with a sum on its own changes them.
func TestChecksums(t *testing.T) {
	if *update {
		var b bytes.Buffer
		fmt.Fprintln(&b, "# SHA-256 of every kernel's outputs on fixed inputs; go test ./kernels -run Checksums -update")
		for i := range kerneltest.Kernels {
			fmt.Fprintf(&b, "%-19s %x\n", kerneltest.Kernels[i].Name, checksum(&kerneltest.Kernels[i], kernels.Generic))
		}
		fmt.Fprintf(&b, "%-19s %x\n", "Gemm", productChecksum(kernels.Generic))
		if err := os.WriteFile(checksums, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(checksums)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 2 {
			want[fields[0]] = fields[1]
		}
	}
	if len(want) != len(kerneltest.Kernels)+1 {
		t.Errorf("%s holds %d kernels, there are %d, and products", checksums, len(want), len(kerneltest.Kernels))
	}
	for _, tier := range kernels.Tiers() {
		if got := fmt.Sprintf("%x", productChecksum(tier)); got != want["Gemm"] {
			t.Errorf("products, %s: %s, want %s", tier, got, want["Gemm"])
		}
	}
	eachKernel(t, func(t *testing.T, k *kerneltest.Kernel) {
		for _, tier := range kernels.Tiers() {
			if got := fmt.Sprintf("%x", checksum(k, tier)); got != want[k.Name] {
				t.Errorf("%s: %s, want %s", tier, got, want[k.Name])
			}
		}
	})
}

func checksum(k *kerneltest.Kernel, tier kernels.Tier) []byte {
	h := sha256.New()
	for seed, s := range []kerneltest.Shape{{N: 3000, K: 3, Stride: 3000, DstStride: 3001}, {N: 1500, K: 8, Stride: 1507, DstStride: 1500}, {N: 700, K: 1, Stride: 700, DstStride: 700}, {N: 500, K: 19, Stride: 500, DstStride: 502}} {
		if !k.Components() {
			if seed == 3 {
				break // the same shape as others
			}
			s = kerneltest.Shape{N: s.N, K: 1, Stride: s.N, DstStride: s.N}
		}
		for _, tame := range []bool{true, false} {
			args := kerneltest.Fill(k, s, kerneltest.NewRandom(uint64(seed), tame))
			var b []byte
			for i, out := range kerneltest.Run(k, tier, s, args) {
				if k.Args[i].Role != kerneltest.Output && !k.Args[i].Update {
					continue
				}
				for _, v := range out {
					if v != v {
						v = math.NaN() // any NaN is as good as any other
					}
					b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
				}
			}
			h.Write(b)
		}
	}
	return h.Sum(nil)
}

func productChecksum(tier kernels.Tier) []byte {
	h := sha256.New()
	for seed := range uint64(200) {
		src := kerneltest.NewRandom(seed, seed%4 != 3)
		p := kerneltest.DrawProduct(src, kerneltest.DrawSize(src), kerneltest.DrawSize(src), 1+src.Choose(30))
		tier.Gemm(&p)
		var b []byte
		for _, v := range p.C {
			if v != v {
				v = math.NaN()
			}
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		h.Write(b)
	}
	return h.Sum(nil)
}
