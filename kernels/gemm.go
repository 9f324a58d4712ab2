package kernels

import (
	"errors"
	"math"
	"sync"

	"github.com/gaussflow/gaussflow/asm"
)

// A Product describes a product of row-major matrices, with operations fused into it:
//
//	C(i, j) = s + Σ A(i, k)·B(k, j)        s = 0, C(i, j) or Bias[i]
//
// A is M×K and B is K×N. A(i, k) is A[i*LDA+k], or A[k*LDA+i] with TransA; likewise B and TransB. C must not overlap
// the others.
//
// Every element is one chain of fused multiply-adds that begins with s, with k ascending, so that its bits depend
// only on s, its row of A and its column of B: neither on M and N nor on the tier. If the row of A is all zeros and
// the column of B finite, the result is s, bit for bit, except that -0 may become +0.
type Product struct {
	M, N, K        int
	TransA, TransB bool
	A, B, C        []float64
	LDA, LDB, LDC  int

	// Scale, unless it is zero, multiplies the elements of A first; the products are rounded.
	Scale float64

	Add  bool      // s = C(i, j)
	Bias []float64 // s = Bias[i], unless nil

	// ReLU sets elements that are at most zero to zero. Mask, unless nil, sets those to zero for which
	// Mask[i*LDMask+j] is at most zero: the reverse mode of a ReLU whose results are in Mask. NaN counts as positive.
	ReLU   bool
	Mask   []float64
	LDMask int

	// Upper computes the upper triangle only: elements below the diagonal are not touched.
	Upper bool
}

// Gemm computes the product p. It panics if sizes, distances between rows and lengths of slices do not match.
func (t Tier) Gemm(p *Product) {
	p.check()
	switch {
	case p.M == 0 || p.N == 0:
	case t == Generic || p.K == 0:
		p.reference()
	default:
		if err := missing(t); err != nil {
			panic(err)
		}
		s := products.Get().(*productScratch)
		if p.Scale != 0 && p.Scale != 1 {
			s.scaled(t, p)
		} else {
			s.run(t, p)
		}
		products.Put(s)
	}
}

var errProduct = errors.New("kernels: a product's sizes, distances and slices do not fit")

func (p *Product) check() {
	fits := func(s []float64, ld, rows, cols int, trans bool) bool {
		if trans {
			rows, cols = cols, rows
		}
		return rows == 0 || cols == 0 || ld >= cols && len(s) >= (rows-1)*ld+cols
	}
	if p.M < 0 || p.N < 0 || p.K < 0 || !fits(p.A, p.LDA, p.M, p.K, p.TransA) || !fits(p.B, p.LDB, p.K, p.N, p.TransB) ||
		!fits(p.C, p.LDC, p.M, p.N, false) || p.Bias != nil && len(p.Bias) != p.M ||
		p.Mask != nil && !fits(p.Mask, p.LDMask, p.M, p.N, false) {
		panic(errProduct)
	}
}

// notPositive reports whether ReLU sets x to zero: false for NaN.
func notPositive(x float64) bool { return x <= 0 }

// reference computes the product by its definition, eight elements of a row side by side.
func (p *Product) reference() {
	const lanes = 8
	scale := p.Scale
	if scale == 0 {
		scale = 1
	}
	a, ka := p.LDA, 1
	if p.TransA {
		a, ka = 1, p.LDA
	}
	kb, jb := p.LDB, 1
	if p.TransB {
		kb, jb = 1, p.LDB
	}
	for i := range p.M {
		j := 0
		if p.Upper {
			j = i
		}
		for ; j < p.N; j += lanes {
			c := p.C[i*p.LDC+j : i*p.LDC+min(j+lanes, p.N)]
			var s [lanes]float64
			switch {
			case p.Bias != nil:
				for q := range c {
					s[q] = p.Bias[i]
				}
			case p.Add:
				copy(s[:], c)
			}
			switch {
			case len(c) == lanes && !p.TransB:
				s0, s1, s2, s3, s4, s5, s6, s7 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
				for k := range p.K {
					x, b := float64(scale*p.A[i*a+k*ka]), (*[lanes]float64)(p.B[k*kb+j:])
					s0, s1, s2, s3 = math.FMA(x, b[0], s0), math.FMA(x, b[1], s1), math.FMA(x, b[2], s2), math.FMA(x, b[3], s3)
					s4, s5, s6, s7 = math.FMA(x, b[4], s4), math.FMA(x, b[5], s5), math.FMA(x, b[6], s6), math.FMA(x, b[7], s7)
				}
				s = [lanes]float64{s0, s1, s2, s3, s4, s5, s6, s7}
			case len(c) == lanes:
				s0, s1, s2, s3, s4, s5, s6, s7 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
				var b [lanes][]float64
				for q := range b {
					b[q] = p.B[(j+q)*jb:][:p.K]
				}
				for k := range p.K {
					x := float64(scale * p.A[i*a+k*ka])
					s0, s1, s2, s3 = math.FMA(x, b[0][k], s0), math.FMA(x, b[1][k], s1), math.FMA(x, b[2][k], s2), math.FMA(x, b[3][k], s3)
					s4, s5, s6, s7 = math.FMA(x, b[4][k], s4), math.FMA(x, b[5][k], s5), math.FMA(x, b[6][k], s6), math.FMA(x, b[7][k], s7)
				}
				s = [lanes]float64{s0, s1, s2, s3, s4, s5, s6, s7}
			default:
				for q := range c {
					for k := range p.K {
						s[q] = math.FMA(float64(scale*p.A[i*a+k*ka]), p.B[k*kb+(j+q)*jb], s[q])
					}
				}
			}
			for q := range c {
				if p.ReLU && notPositive(s[q]) || p.Mask != nil && notPositive(p.Mask[i*p.LDMask+j+q]) {
					s[q] = 0
				}
			}
			copy(c, s[:])
		}
	}
}

// productScratch is the scratch memory of a product. It is pooled, so that calls allocate nothing once the
// pool is filled.
type productScratch struct {
	panel [panelSize]float64 // a block of B
	strip []float64          // a block of C that is not as wide as a tile, or crosses the diagonal
	turned
	scaledBlock
}

// scaledBlock holds scaled elements of A, and the product of these terms.
type scaledBlock struct {
	terms Product
	a     []float64
}

// turned holds the transpose of a product with few columns.
type turned struct {
	p Product
	c []float64
}

var products = sync.Pool{New: func() any { return new(productScratch) }}

const (
	panelSize   = 3 << 10 // three quarters of a first-level cache of 32 KiB; the rows of A and C that meet it stay beside it
	rowsBlock   = 256     // rows of A that meet a panel: the second-level cache holds this part of A meanwhile
	scaledTerms = 256     // terms of a product whose A is scaled, at a time
	fewTerms    = 8       // up to so many terms B is not packed: that would cost more than it gains
	lineNumbers = 8       // numbers in a cache line
	fewRows     = 8       // up to so many rows B is not packed if its columns are contiguous
	dotLanes    = 4       // rows or columns that dots processes at a time
)

// scaled computes a product whose A is scaled, scaledTerms terms at a time.
func (s *productScratch) scaled(t Tier, p *Product) {
	q := &s.terms
	for k := 0; k < p.K; k += scaledTerms {
		*q = *p
		q.K, q.Scale = min(scaledTerms, p.K-k), 0
		rows, cols, first := p.M, q.K, k
		if p.TransA {
			rows, cols, first = q.K, p.M, k*p.LDA
		}
		s.a = grown(s.a, rows*cols)
		whole := cols &^ 3
		for i := range rows {
			dst, src := s.a[i*cols:][:cols], p.A[first+i*p.LDA:][:cols]
			if whole > 0 {
				t.gemmScale(&dst[0], &src[0], whole, p.Scale)
			}
			for j := whole; j < cols; j++ {
				dst[j] = float64(p.Scale * src[j])
			}
		}
		q.A, q.LDA = s.a, cols
		if p.TransB {
			q.B = p.B[k:]
		} else {
			q.B = p.B[k*p.LDB:]
		}
		if k > 0 {
			q.Add, q.Bias = true, nil
		}
		if k+q.K < p.K {
			q.ReLU, q.Mask = false, nil
		}
		s.run(t, q)
	}
	*q = Product{}
}

// run computes the product with assembly.
func (s *productScratch) run(t Tier, p *Product) {
	dots := t
	t = t.gemmNarrow(p.N, p.Upper)
	rows, lanes, _ := t.gemmTile()
	switch {
	case p.TransB && !p.Upper && p.N >= dotLanes && dots.gemmDotted(p.M, p.LDB, false):
		s.dots(dots, p, false)
	case !p.TransA && !p.Upper && p.M >= dotLanes && dots.gemmDotted(p.N, p.LDA, true):
		s.dots(dots, p, true)
	case !p.Upper && (p.TransA && p.N < lanes && p.N < p.M || p.TransB && p.M <= fewRows && p.M < p.N):
		s.turn(t, p) // so that vectors are full, or the smaller matrix is packed; the transpose meets neither condition
	case !p.TransB && !p.Upper && (p.K <= fewTerms || p.M < rows):
		whole := p.N &^ (lanes - 1)
		s.rows(t, p, whole)
		if whole < p.N {
			s.columns(t, p, whole)
		}
	default:
		s.columns(t, p, 0)
	}
}

// turn computes a product as the transpose of Bᵀ·Aᵀ.
func (s *productScratch) turn(t Tier, p *Product) {
	s.c = grown(s.c, p.M*p.N)
	s.p = Product{M: p.N, N: p.M, K: p.K, TransA: !p.TransB, TransB: !p.TransA, A: p.B, B: p.A, C: s.c, LDA: p.LDB, LDB: p.LDA, LDC: p.M,
		Add: p.Add || p.Bias != nil, ReLU: p.ReLU}
	for j := range p.N {
		row := s.c[j*p.M:][:p.M]
		switch {
		case p.Bias != nil:
			copy(row, p.Bias)
		case p.Add:
			for i := range row {
				row[i] = p.C[i*p.LDC+j]
			}
		}
	}
	s.run(t, &s.p)
	const size, square = 8, 4
	whole := p.M &^ (square - 1)
	for j := 0; j < p.N; {
		from, cols := whole, 1
		if p.N-j >= square && whole > 0 {
			cols = t.gemmStrip(p.N-j, p.M)
			t.gemmTranspose(&p.C[j], &s.c[j*p.M], size*p.LDC, size*p.M, whole, cols)
		} else {
			from = 0
		}
		for q := j; q < j+cols; q++ {
			for i, v := range s.c[q*p.M:][from:p.M] {
				p.C[(from+i)*p.LDC+q] = v
			}
		}
		j += cols
	}
	if p.Mask != nil {
		for i := range p.M {
			row, mask := p.C[i*p.LDC:][:p.N], p.Mask[i*p.LDMask:][:p.N]
			for j, h := range mask {
				if notPositive(h) {
					row[j] = 0
				}
			}
		}
	}
	s.p = Product{}
}

// dots computes a product with few columns if the rows of A are contiguous, or one with few rows if the columns of B are.
// The assembly transposes four such rows or columns in registers, so that nothing is packed.
func (s *productScratch) dots(t Tier, p *Product, fewColumns bool) {
	const size = 8
	long, few := p.N, p.M
	a, lda, b, tile := p.B, p.LDB, p.A, asm.GemmArgs{K: p.K, ARow: size * p.LDB, BStep: size, BCol: size * p.LDA}
	if p.TransA {
		tile.BStep, tile.BCol = tile.BCol, tile.BStep
	}
	if fewColumns {
		long, few = p.M, p.N
		a, lda, b, tile = p.A, p.LDA, p.B, asm.GemmArgs{K: p.K, ARow: size * p.LDA, BStep: size * p.LDB, BCol: size}
		if p.TransB {
			tile.BStep, tile.BCol = tile.BCol, tile.BStep
		}
	}
	if near := t.gemmNear(); few > 1 && tile.BStep == size && tile.BCol%(size*near) == 0 { // lines of the few would evict one another
		ld := p.K + lineNumbers
		s.strip = grown(s.strip, few*ld)
		for f := range few {
			copy(s.strip[f*ld:], b[f*tile.BCol/size:][:p.K])
		}
		b, tile.BCol = s.strip, size*ld
	}
	// Each row of c receives the sums of one row or column. If their number is no multiple of four, the last four overlap
	// those before, and some are computed twice.
	whole := long &^ (dotLanes - 1)
	ld := whole
	if whole < long {
		ld += dotLanes
	}
	s.c = grown(s.c, few*ld)
	for f := range few {
		row := s.c[f*ld:][:ld]
		switch {
		case p.Bias != nil && fewColumns:
			copy(row, p.Bias[:whole])
			copy(row[whole:], p.Bias[long-dotLanes:])
		case p.Bias != nil:
			for l := range row {
				row[l] = p.Bias[f]
			}
		case p.Add && fewColumns:
			c := p.C[f:]
			for l := range whole {
				row[l] = c[l*p.LDC]
			}
			for l := range row[whole:] {
				row[whole+l] = c[(long-dotLanes+l)*p.LDC]
			}
		case p.Add:
			c := p.C[f*p.LDC:][:long]
			copy(row, c[:whole])
			copy(row[whole:], c[long-dotLanes:])
		default:
			clear(row)
		}
	}
	tile.CRow = size * ld
	step := tile.BCol / size
	for f := 0; f < few; {
		n := 1
		if left := few - f; left >= 4 {
			n = 4
		} else if left >= 2 {
			n = 2
		}
		tile.B = &b[f*step]
		for l := 0; l < whole; {
			rows := t.gemmDotRows(whole-l, lda)
			tile.A, tile.C, tile.Rows, tile.AAt = &a[l*lda], &s.c[f*ld+l], rows, 0
			t.gemmDots(&tile, n)
			l += rows
		}
		if whole < long {
			tile.A, tile.C, tile.Rows, tile.AAt = &a[(long-dotLanes)*lda], &s.c[f*ld+whole], dotLanes, 0
			t.gemmDots(&tile, n)
		}
		f += n
	}
	for f := range few {
		row := s.c[f*ld:][:ld]
		if whole < long {
			copy(row[whole:], row[ld-(long-whole):])
		}
		row = row[:long]
		i, j, di, dj := f, 0, 0, 1
		if fewColumns {
			i, j, di, dj = 0, f, 1, 0
		}
		if p.ReLU {
			for l, v := range row {
				if notPositive(v) {
					row[l] = 0
				}
			}
		}
		if p.Mask != nil {
			mask, step := p.Mask[i*p.LDMask+j:], di*p.LDMask+dj
			for l := range row {
				if notPositive(mask[l*step]) {
					row[l] = 0
				}
			}
		}
		if dst, step := p.C[i*p.LDC+j:], di*p.LDC+dj; step == 1 {
			copy(dst, row)
		} else {
			for l, v := range row {
				dst[l*step] = v
			}
		}
	}
}

// rows computes the first n columns, a multiple of the lanes, a few rows at a time, from B without packing. With more rows
// than that, the part of B in use stays in the first-level cache.
func (s *productScratch) rows(t Tier, p *Product, n int) {
	const lines = 64
	cols := n
	if p.M > 4 {
		cols = max(lines, panelSize/p.K/lines*lines)
	}
	a, tile := p.tile(t)
	for j := 0; j < n; j += cols {
		tile.Cols, tile.B = min(cols, n-j), &p.B[j]
		for i := 0; i < p.M; {
			rows := t.gemmFewest(p.M - i)
			tile.A, tile.C, tile.MaskAt = &p.A[i*a], &p.C[i*p.LDC+j], 0
			if p.Bias != nil {
				tile.Bias = &p.Bias[i]
			}
			if p.Mask != nil {
				tile.Mask = &p.Mask[i*p.LDMask+j]
			}
			t.gemmFew(&tile, rows)
			i += rows
		}
	}
}

// tile returns the distance of A's rows, and the arguments that all tiles of the product share.
func (p *Product) tile(t Tier) (a int, tile asm.GemmArgs) {
	const size = 8
	a, ka := p.LDA, 1
	if p.TransA {
		a, ka = 1, p.LDA
	}
	tile = asm.GemmArgs{K: p.K, ARow: size * a, AStep: size * ka, BStep: size * p.LDB, CRow: size * p.LDC, MaskRow: size * p.LDMask}
	if p.Add {
		tile.Flags |= asm.GemmAdd
	}
	if p.ReLU {
		tile.Flags |= asm.GemmReLU
	}
	if p.Mask != nil {
		tile.Flags |= asm.GemmMask
	}
	return a, tile
}

// columns computes the columns from first on, one packed panel of B at a time.
func (s *productScratch) columns(t Tier, p *Product, first int) {
	rows, lanes, widest := t.gemmTile()
	if p.M < rows {
		widest = 8 * lanes
	}
	terms := panelSize / widest
	for k := 0; k < p.K; k += terms {
		terms := min(terms, p.K-k)
		for i := 0; i < p.M; i += rowsBlock {
			bottom := min(i+rowsBlock, p.M)
			for j := first; j < p.N; {
				left := p.N - j
				width := panelWidth(left, lanes, widest, p.M < rows)
				if p.Upper && i > j+width-1 {
					j += width
					continue
				}
				if p.TransB || width > left || p.LDB > t.gemmNear() && p.M > 3*rows {
					s.pack(t, p, k, j, terms, width)
					s.block(t, p, &s.panel[0], width, k, terms, i, bottom, j, width)
				} else {
					s.block(t, p, &p.B[k*p.LDB+j], p.LDB, k, terms, i, bottom, j, width)
				}
				j += width
			}
		}
	}
}

// panelWidth returns the number of columns of the next panel. Tiles are 1 or 2 vectors wide, or as wide as the widest;
// a single row takes any number of vectors.
func panelWidth(left, lanes, widest int, single bool) int {
	width := min(widest, (left+lanes-1)/lanes*lanes)
	switch vectors := width / lanes; {
	case single:
	case vectors == 3 && width < widest: // 4 vectors wide: 2 and 1, rather than 3
		width = 2 * lanes
	case width == widest && left > widest && left <= widest+lanes && vectors == 3 && lanes == 4:
		width = 2 * lanes // twice 2 vectors, rather than 3 and 1: a tile 1 wide has too few chains
	}
	return width
}

// pack copies rows [k, k+terms) and columns [j, j+width) of B to the panel, row by row, padded with zeros beyond the
// last column.
func (s *productScratch) pack(t Tier, p *Product, k, j, terms, width int) {
	const size = 8
	cols := min(width, p.N-j)
	if !p.TransB {
		if cols == width {
			t.gemmPack(&s.panel[0], &p.B[k*p.LDB+j], size*p.LDB, terms, width)
			return
		}
		for l := range terms {
			row := s.panel[l*width:][:width]
			n := copy(row, p.B[(k+l)*p.LDB+j:][:cols])
			clear(row[n:])
		}
		return
	}
	const least = 4 // columns of B, which lie in its rows, and as many terms
	whole := terms &^ (least - 1)
	q := 0
	if whole > 0 {
		for strip := least; q+least <= cols; q += strip {
			strip = t.gemmStrip(cols-q, p.LDB)
			t.gemmTranspose(&s.panel[q], &p.B[(j+q)*p.LDB+k], size*width, size*p.LDB, whole, strip)
			for r := q; r < q+strip; r++ {
				for l := whole; l < terms; l++ {
					s.panel[l*width+r] = p.B[(j+r)*p.LDB+k+l]
				}
			}
		}
	}
	for ; q < width; q++ {
		if q >= cols {
			for l := range terms {
				s.panel[l*width+q] = 0
			}
			continue
		}
		for l, v := range p.B[(j+q)*p.LDB+k:][:terms] {
			s.panel[l*width+q] = v
		}
	}
}

// block computes rows [top, end) of the panel's columns [j, j+width), or adds further
// terms to them.
func (s *productScratch) block(t Tier, p *Product, b *float64, ldb, k, terms, top, end, j, width int) {
	const size = 8
	rows, _, _ := t.gemmTile()
	a, tile := p.tile(t)
	ka := tile.AStep / size
	tile.K, tile.B, tile.BStep, tile.Cols = terms, b, size*ldb, width
	begin := k == 0
	if !begin {
		tile.Flags |= asm.GemmAdd
	}
	if last := k+terms == p.K; !last {
		tile.Flags &^= asm.GemmReLU | asm.GemmMask
	}
	// strip computes rows [from, to) into c.
	strip := func(from, to int, c []float64, ldc int, mask []float64) {
		tile.CRow = size * ldc
		whole := (to - from) / rows * rows
		for i := from; i < to; {
			n := whole
			if i > from || n == 0 {
				n = t.gemmFewest(to - i)
			}
			tile.A, tile.C, tile.Rows = &p.A[i*a+k*ka], &c[(i-from)*ldc], n
			tile.Bias, tile.Mask, tile.BiasAt, tile.MaskAt = nil, nil, 0, 0
			if begin && p.Bias != nil {
				tile.Bias = &p.Bias[i]
			}
			if mask != nil {
				tile.Mask = &mask[(i-from)*p.LDMask]
			}
			if n < rows {
				t.gemmFew(&tile, n)
			} else {
				t.gemmRows(&tile)
			}
			i += n
		}
	}

	cols := min(width, p.N-j)
	bottom := end
	direct := bottom // the rows from here on are computed in scratch memory
	switch {
	case cols < width:
		direct = top
	case p.Upper:
		bottom = min(bottom, j+width)
		direct = max(top, min(bottom, j))
	}
	if direct > top {
		var mask []float64
		if tile.Flags&asm.GemmMask != 0 {
			mask = p.Mask[top*p.LDMask+j:]
		}
		strip(top, direct, p.C[top*p.LDC+j:], p.LDC, mask)
	}
	if p.Upper {
		bottom = min(bottom, j+cols)
	}
	if direct >= bottom {
		return
	}
	s.strip = grown(s.strip, (bottom-direct)*width)
	if tile.Flags&asm.GemmAdd != 0 {
		for i := direct; i < bottom; i++ {
			from := 0
			if p.Upper {
				from = max(0, i-j)
			}
			row := s.strip[(i-direct)*width:][:width]
			clear(row)
			copy(row[from:cols], p.C[i*p.LDC+j+from:])
		}
	}
	masked := tile.Flags&asm.GemmMask != 0
	tile.Flags &^= asm.GemmMask
	strip(direct, bottom, s.strip, width, nil)
	for i := direct; i < bottom; i++ {
		from := 0
		if p.Upper {
			from = max(0, i-j)
		}
		row := s.strip[(i-direct)*width:][from:cols]
		if masked {
			for q, h := range p.Mask[i*p.LDMask+j+from:][:len(row)] {
				if notPositive(h) {
					row[q] = 0
				}
			}
		}
		copy(p.C[i*p.LDC+j+from:], row)
	}
}
