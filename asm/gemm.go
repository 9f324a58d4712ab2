package asm

// GemmArgs is what the kernels of matrix products work on: Rows rows of C, as wide as the kernel's name says, and a block
// of K terms of their sums. Distances are in bytes.
type GemmArgs struct {
	Rows, K int // Rows is zero after a call
	Cols    int // of the kernels of one row

	A           *float64 // the block's first row of op(A)
	ARow, AStep int      // from one row to the next, and from one k to the next
	B           *float64 // its row 0, at the tile's first column
	BStep       int
	BCol        int // from one column to the next; of GemmDots
	C           *float64
	CRow        int

	// What the sums begin with: a number for each row, what stands in C with GemmAdd, else zero.
	Bias *float64
	// With GemmMask, C is cleared where this matrix is at most zero.
	Mask    *float64
	MaskRow int

	Flags int

	// How far the kernel has come in A, Bias and Mask. It keeps them here for want of registers; they are zero before a call.
	AAt, BiasAt, MaskAt int
}

// What a kernel of products does beside the product.
const (
	GemmAdd  = 1 << iota // begin with C
	GemmReLU             // clear what is at most zero in the end; NaN stays
	GemmMask             // clear what Mask says
)
