//go:build !purego

package asm

import "unsafe"

// splats holds every number that the NEON kernels read, in both elements of a vector. A step of Horner's scheme, p·x +
// c, overwrites c, so each step needs its own copy. Loads provide it without occupying a floating-point pipe, as moves
// and element-wise broadcasts do on most processors.
type splats struct {
	constants [unsafe.Sizeof(constants{}) / 8][2]uint64 // constant at offset o of constants stands at 2·o

	Exp2, AlphaExp2       [11][2]float64
	LogLg                 [7][2]float64
	TanhP                 [3][2]float64
	TanhQ                 [4][2]float64
	Centre                [11][2]float64
	RoughCDF, RoughProbit [4][2]float64
	ProbitP, ProbitQ      [8][2]float64
	TailP                 [10][2]float64
	TailQ                 [11][2]float64
	MillsP                [11][2]float64
	MillsW                [10][2]float64
}

//lint:ignore U1000 the assembly reads it
var neonSplats = func() (s splats) {
	twice(s.constants[:], (*[len(s.constants)]uint64)(unsafe.Pointer(&consts))[:])
	twice(s.Exp2[:], Exp2[:])
	twice(s.AlphaExp2[:], AlphaExp2[:])
	twice(s.LogLg[:], LogLg[:])
	twice(s.TanhP[:], TanhP[:])
	twice(s.TanhQ[:], TanhQ[:])
	twice(s.Centre[:], Centre[:])
	twice(s.RoughCDF[:], RoughCDF[:])
	twice(s.RoughProbit[:], RoughProbit[:])
	twice(s.ProbitP[:], ProbitP[:])
	twice(s.ProbitQ[:], ProbitQ[:])
	twice(s.TailP[:], TailP[:])
	twice(s.TailQ[:], TailQ[:])
	twice(s.MillsP[:], MillsP[:])
	twice(s.MillsW[:], MillsW[:])
	return s
}()

func twice[T any](dst [][2]T, src []T) {
	for i, v := range src {
		dst[i] = [2]T{v, v}
	}
}
