package flow

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/errs"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/kernels"
)

// A Flow is an invertible map between data x and latent z, and with it a
// density: log p(x) = log φ(z(x)) + log|det dz/dx|, in nats, where φ is the
// standard normal density.
//
// [Fit] and [FitRBIG] fit a flow to data, [NewStack] builds one from a list of
// layers, and [New] from parameters. [Flow.Couple] makes a flow trainable, and
// [Train] trains it. Matrices hold one sample per row and have Dim + Context
// columns.
//
// Several goroutines may call its methods at the same time, but not while Train
// changes the flow. Each call spreads its samples over GOMAXPROCS goroutines; the
// results do not depend on how many.
type Flow struct {
	dim int
	// context is the number of conditioning columns, which follow the dim columns of
	// every matrix: layers may read them, and none changes them.
	context int
	layers  []layer.Layer
	end     []int     // block i is layers[end[i-1]:end[i]]
	params  []float64 // all trainable parameters; layers hold views
	base    base
	pool    sync.Pool // of *workspace
	calls   sync.Pool // of *call

	// What is known besides the map; see model.Model.
	columns   []string
	info      map[string]string
	quantiles []float64
}

// base is the latent distribution: independent normals. Location and scale are
// part of the model, but neither fitted nor trained: they stay 0 and 1.
type base struct {
	loc, scale []float64
	logNorm    float64 // Σ log(1/(scale·√(2π)))
}

// newBase makes the base that m describes.
func newBase(m model.Base, dim int) (base, error) {
	b := base{loc: slices.Clone(m.Loc), scale: slices.Clone(m.Scale)}
	if b.loc == nil {
		b.loc = make([]float64, dim)
	}
	if b.scale == nil {
		b.scale = slices.Repeat([]float64{1}, dim)
	}
	switch {
	case len(b.loc) != dim || len(b.scale) != dim:
		return base{}, errs.Errorf(ErrShape, "the base has %d locations and %d scales; the dimension is %d", len(b.loc), len(b.scale), dim)
	case !tile.Finite(b.loc) || !tile.Finite(b.scale):
		return base{}, errs.Errorf(ErrNotFinite, "a location or scale of the base is not finite")
	}
	for _, s := range b.scale {
		if !(s > 0) {
			return base{}, errs.Errorf(ErrFormat, "a scale of the base is %v; it must be positive", s)
		}
	}
	logs := make([]float64, dim)
	kernels.Log(logs, b.scale)
	for _, l := range logs {
		b.logNorm -= l + logSqrt2Pi
	}
	return b, nil
}

// A block is the unit that flows are fitted by: a rotation, then maps of its
// coordinates.
type block []layer.Layer

// newFlow assembles a flow and moves the layers' parameters into its one vector.
func newFlow(dim int, blocks []block) *Flow {
	f := &Flow{dim: dim}
	f.base, _ = newBase(model.Base{}, dim) // the standard normal is valid
	n := 0
	for _, b := range blocks {
		for _, l := range b {
			if c, ok := l.(layer.Contextual); ok {
				f.context = max(f.context, c.Context())
			}
		}
		f.layers = append(f.layers, b...)
		f.end = append(f.end, len(f.layers))
		for _, l := range b {
			n += len(l.Params())
		}
	}
	f.params = make([]float64, n)
	p := tile.Arena(f.params)
	for _, l := range f.layers {
		l.Bind(p.Take(len(l.Params())))
	}
	f.refresh()
	f.pool.New = func() any { return newWorkspace(f) }
	return f
}

// ready returns an error if f is not a flow that something made.
func (f *Flow) ready(what string) error {
	if f == nil || f.dim == 0 {
		return fmt.Errorf("flow: %s: the Flow is empty; FitRBIG, New and Load make one", what)
	}
	return nil
}

// mustBeReady panics with the error of ready, for methods that return none.
func (f *Flow) mustBeReady(what string) {
	if err := f.ready(what); err != nil {
		panic(err.Error())
	}
}

// Dim returns the number of coordinates of a sample.
func (f *Flow) Dim() int { return f.dim }

// Context returns the number of conditioning columns: 0 for a density p(x), c > 0 for a
// conditional density p(x | c columns). Matrices have Dim + Context columns, and the
// conditioning columns come last. Forward and Inverse copy them unchanged, LogProb
// conditions on them, and Sample reads them from dst and draws the first Dim columns of
// each row given them.
func (f *Flow) Context() int { return f.context }

// width is the number of columns that matrices have.
func (f *Flow) width() int { return f.dim + f.context }

// source returns a reader of the rows of m, after checking the number of its columns.
func (f *Flow) source(m mat.Matrix) (tile.Source, error) {
	if f.context == 0 {
		return tile.NewSource(m, f.dim)
	}
	src, err := tile.NewSource(m, 0)
	if err != nil || src.Dim == f.width() {
		return src, err
	}
	return src, errs.Errorf(ErrShape, "the matrix has %d columns; the flow takes %d: %d of its own, then %d conditioning columns", src.Dim, f.width(), f.dim, f.context)
}

// Blocks returns the number of blocks.
func (f *Flow) Blocks() int { return len(f.end) }

// NumParams counts every number the model stores: trainable parameters,
// rotations, and the location and scale of the base.
func (f *Flow) NumParams() int {
	return numParams(f.layers) + len(f.base.loc) + len(f.base.scale)
}

func numParams(layers []layer.Layer) int {
	n := 0
	for _, l := range layers {
		n += len(l.Params()) + l.NumFixed()
	}
	return n
}

// String describes the flow in a few words.
func (f *Flow) String() string {
	if f.ready("") != nil {
		return "empty flow"
	}
	return fmt.Sprintf("%s flow, dimension %d, %d blocks, %d parameters", f.Kind(), f.dim, f.Blocks(), f.NumParams())
}

// Kind returns "coupling" for a flow with conditioners, else "diagonal".
func (f *Flow) Kind() string {
	if f.conditioned() {
		return "coupling"
	}
	return "diagonal"
}

// KernelMax returns, for each conditioner, the largest magnitude in its final
// kernel: zero until the flow is trained. In each block the conditioner of the
// second half comes first. A diagonal flow has none.
func (f *Flow) KernelMax() []float64 { return kernelMax(f.layers) }

func kernelMax(layers []layer.Layer) []float64 {
	var m []float64
	for _, l := range layers {
		if c, ok := l.(layer.Conditioned); ok {
			m = append(m, c.KernelMax()...)
		}
	}
	return m
}

// conditioned reports whether a layer has conditioners.
func (f *Flow) conditioned() bool {
	return slices.ContainsFunc(f.layers, func(l layer.Layer) bool {
		_, ok := l.(layer.Conditioned)
		return ok
	})
}

// refresh brings the layers up to date with changed parameters.
func (f *Flow) refresh() {
	for _, l := range f.layers {
		l.Refresh()
	}
}

// Forward maps data to latent: it writes z(x) into z and log|det dz/dx|, in nats, into
// logDet. z or logDet may be nil if it is not wanted; an empty z gets the right size; z may
// be x itself, but must not overlap it otherwise.
//
// If the shapes do not match, it returns an error and writes nothing. If elements of x are
// not finite, or rows are so large that their images are not finite, it returns a
// [RowError] that lists the first such rows; their results are NaN, and those of all other
// rows are valid. It panics if a result overlaps the input in memory, unless it is the same
// matrix.
func (f *Flow) Forward(z *mat.Dense, logDet []float64, x mat.Matrix) error {
	return f.evaluate("Forward", (*workspace).forward, f.layers, z, logDet, false, x)
}

// Inverse maps latent to data: it writes x(z) into x and log|det dx/dz|, in
// nats, into logDet. The rules are those of [Flow.Forward].
func (f *Flow) Inverse(x *mat.Dense, logDet []float64, z mat.Matrix) error {
	return f.evaluate("Inverse", (*workspace).inverse, f.layers, x, logDet, false, z)
}

// LogProb writes the log-density of each row of x, in nats, into dst. Errors are those of
// [Flow.Forward]; here too, a bad row leaves the results of the others valid. The
// log-density of a bad row is NaN if its first element that is not finite is NaN;
// otherwise, for an infinite element or an image that is not finite, it is -Inf. A
// log-density below the range of float64 is also -Inf, without an error.
func (f *Flow) LogProb(dst []float64, x mat.Matrix) error {
	if dst == nil && x != nil {
		n, _ := x.Dims()
		return errs.Errorf(ErrShape, "flow: LogProb: the result is nil; it must have an element for each of %d rows", n)
	}
	return f.evaluate("LogProb", (*workspace).logProb, f.layers, nil, dst, true, x)
}

// Sample fills every row of dst with an independent sample of the flow. The numbers drawn
// depend on src alone; a nil src is the global source of math/rand/v2. It returns an error
// if dst is empty or has the wrong number of columns.
func (f *Flow) Sample(dst *mat.Dense, src rand.Source) error {
	if err := f.ready("Sample"); err != nil {
		return err
	}
	if dst == nil || dst.IsEmpty() {
		return errs.Errorf(ErrShape, "flow: Sample: dst has no rows; give it as many as samples are wanted")
	}
	n, d := dst.Dims()
	if d != f.width() {
		if f.context > 0 {
			return errs.Errorf(ErrShape, "flow: Sample: dst has %d columns; the flow takes %d: %d of its own, then %d conditioning columns", d, f.width(), f.dim, f.context)
		}
		return errs.Errorf(ErrShape, "flow: Sample: dst has %d columns; the flow has dimension %d", d, f.dim)
	}
	bits := rand.Uint64
	if src != nil {
		bits = src.Uint64
	}
	for i := range n {
		row := dst.RawRowView(i)
		for j := range row[:f.dim] {
			// The middle of one of 2⁵² intervals of (0, 1).
			row[j] = (float64(bits()>>12) + 0.5) * 0x1p-52
		}
	}
	return f.evaluate("Sample", (*workspace).sample, f.layers, dst, nil, false, dst)
}

// wrap adds to err which method failed, and turns a tile.ValueError into a RowError.
func (f *Flow) wrap(what string, err error) error { return wrap(what, err, f.columns) }

func wrap(what string, err error, columns []string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("flow: %s: %w", what, inColumns(err, columns))
}

// A workspace is the memory that one goroutine needs to map a tile of samples through the
// layers.
type workspace struct {
	flow   *Flow
	tiles  [2]tile.Tile
	logDet []float64
	s      tile.Arena

	tapes  *shardMemory // for scores
	unused []float64    // the parameters' gradient, which Backward computes as well
}

func newWorkspace(f *Flow) *workspace {
	n := tile.Size(f.dim)
	most := 0
	for _, l := range f.layers {
		perSample, _ := l.Scratch()
		most = max(most, perSample)
	}
	memory := make(tile.Arena, (2*f.width()+1+most)*n)
	w := &workspace{flow: f}
	for i := range w.tiles {
		w.tiles[i] = f.room(memory.Take(f.width()*n), n)
	}
	w.logDet, w.s = memory.Take(n), memory
	return w
}

// room returns a tile of n samples in memory, with space for the context after the dim
// coordinates.
func (f *Flow) room(memory []float64, n int) tile.Tile {
	t := tile.View(memory, f.width(), n)
	t.D = f.dim
	return t
}

// copyContext copies the context of samples [0, n).
func (f *Flow) copyContext(to, from tile.Tile, n int) {
	for c := range f.context {
		copy(to.Row(f.dim + c)[:n], from.Row(f.dim + c)[:n])
	}
}

// An evaluation maps the first n samples of tiles[0] through the layers, writes
// their log-determinants or log-densities into w.logDet and returns their images.
type evaluation func(w *workspace, layers []layer.Layer, n int) tile.Tile

func (w *workspace) forward(layers []layer.Layer, n int) tile.Tile {
	x, z := w.tiles[0].Cols(0, n), w.tiles[1].Cols(0, n)
	clear(w.logDet)
	for _, l := range layers {
		l.Forward(z, w.logDet[:n], x, w.s)
		x, z = z, x
	}
	return x
}

func (w *workspace) inverse(layers []layer.Layer, n int) tile.Tile {
	z, x := w.tiles[0].Cols(0, n), w.tiles[1].Cols(0, n)
	clear(w.logDet)
	for i := len(layers) - 1; i >= 0; i-- {
		layers[i].Inverse(x, w.logDet[:n], z, w.s)
		z, x = x, z
	}
	return z
}

func (w *workspace) logProb(layers []layer.Layer, n int) tile.Tile {
	last := len(layers) - 1
	if d, ok := layers[last].(layer.Density); ok && w.flow.base.standard() {
		x := w.forward(layers[:last], n)
		d.AddLogDensity(w.logDet[:n], x, w.s)
		return x
	}
	z := w.forward(layers, n)
	w.flow.base.logProb(w.logDet[:n], z, w.logDet[:n])
	return z
}

// sample maps uniform numbers to the base distribution by the quantile function,
// whose bits are the same on every machine, and from there to the data.
func (w *workspace) sample(layers []layer.Layer, n int) tile.Tile {
	for j := range w.flow.dim {
		row := w.tiles[0].Row(j)[:n]
		kernels.NormQuantile(row, row)
		loc, scale := w.flow.base.loc[j], w.flow.base.scale[j]
		for i, v := range row {
			row[i] = loc + float64(scale*v)
		}
	}
	return w.inverse(layers, n)
}

// standard reports whether the base is the standard normal distribution.
func (b base) standard() bool {
	return !slices.ContainsFunc(b.loc, func(v float64) bool { return v != 0 }) && !slices.ContainsFunc(b.scale, func(v float64) bool { return v != 1 })
}

// logProb writes log φ(z) + logDet of each sample into dst, which may be logDet.
func (b base) logProb(dst []float64, z tile.Tile, logDet []float64) {
	for i, ld := range logDet {
		dst[i] = ld + b.logNorm
	}
	for j := range z.D {
		loc, scale := b.loc[j], b.scale[j]
		for i, v := range z.Row(j) {
			t := (v - loc) / scale
			dst[i] -= float64(0.5 * float64(t*t))
		}
	}
}

// logSqrt2Pi is log √(2π).
const logSqrt2Pi = 0.91893853320467274178

// evaluate is what all methods for row-major matrices call: it checks the
// arguments and maps the rows of in, tile by tile, through the layers. Either
// output may be nil. density tells that number receives log-densities, not
// log-determinants.
func (f *Flow) evaluate(what string, eval evaluation, layers []layer.Layer, out *mat.Dense, number []float64, density bool, in mat.Matrix) error {
	if err := f.ready(what); err != nil {
		return err
	}
	if _, err := kernels.Active(); err != nil {
		return fmt.Errorf("flow: %s: %w", what, err)
	}
	src, err := f.source(in)
	if err != nil {
		return fmt.Errorf("flow: %s: %w", what, err)
	}
	if number != nil && len(number) != src.N {
		return errs.Errorf(ErrShape, "flow: %s: the result has %d elements for %d rows; the numbers must agree", what, len(number), src.N)
	}
	if out != nil {
		if out.IsEmpty() {
			out.ReuseAs(src.N, src.Dim)
		} else if r, c := out.Dims(); r != src.N || c != src.Dim {
			return errs.Errorf(ErrShape, "flow: %s: the result is %d×%d and the input %d×%d; they must have the same shape, or the result be empty", what, r, c, src.N, src.Dim)
		}
		if tile.Overlap(tile.MatrixRegion(out), tile.MatrixRegion(in)) {
			panic(fmt.Sprintf("flow: %s: bad region: the result overlaps the input", what))
		}
	}
	numbers := tile.SliceRegion(number)
	if tile.Overlap(numbers, tile.MatrixRegion(in)) || out != nil && tile.Overlap(numbers, tile.MatrixRegion(out)) {
		panic(fmt.Sprintf("flow: %s: bad region: the slice overlaps a matrix", what))
	}
	c, _ := f.calls.Get().(*call)
	if c == nil {
		c = new(call)
		c.worker = c.work
	}
	c.task = task{
		flow: f, eval: eval, layers: layers, out: out, number: number, data: tile.Rows{Source: src},
		bad: badRows{columns: f.columns, density: density},
	}
	c.loop.Run(src.N, tile.Size(f.dim), c.worker)
	err = f.wrap(what, c.bad.err())
	c.task = task{} // the pool keeps no matrices alive
	f.calls.Put(c)
	return err
}

// A call takes all rows of a matrix through layers. A flow reuses the calls that have returned, so that
// another one allocates nothing.
type call struct {
	loop   tile.Loop
	worker func(*tile.Loop) // its method work
	task
}

// A task is what a call is asked to do, and the rows that it could not map.
type task struct {
	flow   *Flow
	eval   evaluation
	layers []layer.Layer
	out    *mat.Dense
	number []float64
	data   tile.Rows
	bad    badRows
}

// work evaluates tiles until none is left. Several goroutines run it at the same time.
func (c *call) work(loop *tile.Loop) {
	w := c.flow.pool.Get().(*workspace)
	defer c.flow.pool.Put(w)
	for from, to := range loop.Tiles {
		w.tile(c.eval, c.layers, c.out, c.number, c.data, from, to, &c.bad)
	}
}

// tile evaluates the rows [from, to) of data; it reports those that the flow cannot map in bad.
func (w *workspace) tile(eval evaluation, layers []layer.Layer, out *mat.Dense, number []float64, data tile.Rows, from, to int, bad *badRows) {
	n := to - from
	var lost map[int]float64 // what number becomes for bad rows
	lose := func(i int, err error) {
		if lost == nil {
			lost = map[int]float64{}
		}
		lost[i] = bad.add(err)
	}
	if err := w.load(data, from, to); err != nil {
		for i := range n {
			if err := data.ReadRow(w.tiles[0], i, from+i); err != nil {
				lose(i, err)
				for j := range w.flow.dim { // any valid values: the row's results are overwritten below
					w.tiles[0].Row(j)[i] = 0
				}
			}
		}
		w.pad(n)
	}
	image := eval(w, layers, tile.Padded(n)).Cols(0, n)
	for j := range image.D {
		for i, v := range image.Row(j) {
			if _, known := lost[i]; v-v != 0 && !known {
				lose(i, outOfRange(from+i))
			}
		}
	}
	if number != nil {
		copy(number[from:to], w.logDet)
	}
	if out != nil {
		tile.Write(out, from, image)
	}
	for i, v := range lost {
		if number != nil {
			number[from+i] = v
		}
		if out != nil {
			tile.Fill(out.RawRowView(from+i), math.NaN())
		}
	}
}

// load reads the rows [from, to) into tiles[0], padded.
func (w *workspace) load(data tile.Rows, from, to int) error {
	n := to - from
	if err := data.Read(w.tiles[0].Cols(0, n), from); err != nil {
		return err
	}
	w.pad(n)
	return nil
}

// pad repeats the last of n samples in tiles[0] up to the padded size, and copies the
// context to the other tile.
func (w *workspace) pad(n int) {
	all := tile.Padded(n)
	for j := range w.flow.width() {
		row := w.tiles[0].Cols(0, all).Row(j)
		tile.Fill(row[n:], row[n-1])
	}
	w.flow.copyContext(w.tiles[1], w.tiles[0], all)
}

// image maps the loaded rows [from, to) through the layers.
func (w *workspace) image(eval evaluation, layers []layer.Layer, from, to int) (tile.Tile, error) {
	image := eval(w, layers, tile.Padded(to-from)).Cols(0, to-from)
	for j := range image.D {
		for i, v := range image.Row(j) {
			if v-v != 0 {
				return tile.Tile{}, outOfRange(from + i)
			}
		}
	}
	return image, nil
}
