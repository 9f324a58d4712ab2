//go:build purego || !(amd64 || arm64)

package kernels

import "github.com/gaussflow/gaussflow/asm"

// tierMissing says what t, which is not Generic, lacks here.
func tierMissing(Tier) string { return "this build has no assembly" }

// No tier but Generic runs here, so that none of the functions below is ever called.
const unreachable = "kernels: assembly in a build without it"

func (t Tier) vector(f function, dst, x *float64, n int)          { panic(unreachable) }
func (t Tier) boundedExp(dst, raw *float64, n int, bound float64) { panic(unreachable) }
func (t Tier) boundedExpBackward(dRaw, dLogScale, raw *float64, n int, bound float64) {
	panic(unreachable)
}
func (t Tier) smoothReLUBackward(dx, dy, x *float64, n int)      { panic(unreachable) }
func (t Tier) softmax(p *asm.Params)                             { panic(unreachable) }
func (t Tier) adam(s *asm.AdamStep)                              { panic(unreachable) }
func (t Tier) sum(a *lanes, x *float64, n int)                   { panic(unreachable) }
func (t Tier) sumSquares(a *lanes, x *float64, n int)            { panic(unreachable) }
func (t Tier) sums(shared bool, p *asm.Tile)                     { panic(unreachable) }
func (t Tier) finish(p *asm.Tile) (far bool)                     { panic(unreachable) }
func (t Tier) tails(p *asm.Tile)                                 { panic(unreachable) }
func (t Tier) far(shared bool, p *asm.Tile) (hard bool)          { panic(unreachable) }
func (t Tier) inverseStart(shared bool, p *asm.Tile)             { panic(unreachable) }
func (t Tier) inverseSums(shared bool, p *asm.Tile)              { panic(unreachable) }
func (t Tier) inverseSolve(p *asm.Tile, fourth bool) (done bool) { panic(unreachable) }
func (t Tier) backward(shared bool, p *asm.Tile)                 { panic(unreachable) }
func (t Tier) em(p *asm.Tile)                                    { panic(unreachable) }
func (t Tier) spline(inverse bool, p *asm.Spline)                { panic(unreachable) }
func (t Tier) splineBackward(p *asm.Spline)                      { panic(unreachable) }
