//go:build !purego

package asm

import "unsafe"

// splatsAVX2 holds every number in each element of a vector: multiply-adds take them from memory. AVX2 has few registers, and
// those that the processor renames are too few for coefficients, too.
//
//lint:ignore U1000 assembly reads it
type splatsAVX2 struct {
	constants [unsafe.Sizeof(constants{}) / 8][4]uint64 // constant at offset o of constants stands at 4·o

	Exp2, AlphaExp2  [11][4]float64
	LogLg            [7][4]float64
	TanhP            [3][4]float64
	TanhQ            [4][4]float64
	Centre           [11][4]float64
	RoughCDF         [4][4]float64
	ProbitP, ProbitQ [8][4]float64
	TailP            [10][4]float64
	TailQ            [11][4]float64
	MillsP           [11][4]float64
	MillsW           [10][4]float64
}

//lint:ignore U1000 assembly reads it
var splats = func() (s splatsAVX2) {
	fourTimes(s.constants[:], (*[len(s.constants)]uint64)(unsafe.Pointer(&consts))[:])
	fourTimes(s.Exp2[:], Exp2[:])
	fourTimes(s.AlphaExp2[:], AlphaExp2[:])
	fourTimes(s.LogLg[:], LogLg[:])
	fourTimes(s.TanhP[:], TanhP[:])
	fourTimes(s.TanhQ[:], TanhQ[:])
	fourTimes(s.Centre[:], Centre[:])
	fourTimes(s.RoughCDF[:], RoughCDF[:])
	fourTimes(s.ProbitP[:], ProbitP[:])
	fourTimes(s.ProbitQ[:], ProbitQ[:])
	fourTimes(s.TailP[:], TailP[:])
	fourTimes(s.TailQ[:], TailQ[:])
	fourTimes(s.MillsP[:], MillsP[:])
	fourTimes(s.MillsW[:], MillsW[:])
	return s
}()

func fourTimes[T any](dst [][4]T, src []T) {
	for i, v := range src {
		dst[i] = [4]T{v, v, v, v}
	}
}
