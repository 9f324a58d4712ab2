//go:build purego || !(amd64 || arm64)

package kernels

import "github.com/gaussflow/gaussflow/asm"

func (t Tier) gemmTile() (rows, lanes, widest int)                         { panic(unreachable) }
func (t Tier) gemmNear() int                                               { panic(unreachable) }
func (t Tier) gemmRows(g *asm.GemmArgs)                                    { panic(unreachable) }
func (t Tier) gemmPack(dst, src *float64, ld, k, width int)                { panic(unreachable) }
func (t Tier) gemmStrip(left, ld int) int                                  { panic(unreachable) }
func (t Tier) gemmTranspose(dst, src *float64, ldDst, ldSrc, k, strip int) { panic(unreachable) }
func (t Tier) gemmFewest(left int) int                                     { panic(unreachable) }
func (t Tier) gemmFew(g *asm.GemmArgs, rows int)                           { panic(unreachable) }
func (t Tier) gemmDots(g *asm.GemmArgs, columns int)                       { panic(unreachable) }
func (t Tier) gemmNarrow(n int, upper bool) Tier                           { panic(unreachable) }
func (t Tier) gemmDotted(few, ld int, columns bool) bool                   { panic(unreachable) }
func (t Tier) gemmDotRows(left, ld int) int                                { panic(unreachable) }
func (t Tier) gemmScale(dst, src *float64, n int, by float64)              { panic(unreachable) }
