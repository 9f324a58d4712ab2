package asm

// GemmArgs are the arguments of the kernels of matrix products: Rows rows of C, as wide as the kernel's name says, and a
// block of K terms of their sums. Distances are in bytes.
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

	// What the sums begin with: a number for each row, the elements of C with GemmAdd, otherwise zero.
	Bias *float64
	// With GemmMask, elements of C for which this matrix is at most zero are set to zero.
	Mask    *float64
	MaskRow int

	Flags int

	// The kernel's positions in A, Bias and Mask, for lack of registers; zero before a call.
	AAt, BiasAt, MaskAt int
}

// Operations that a kernel of products performs besides the product.
const (
	GemmAdd  = 1 << iota // begin with C
	GemmReLU             // set results that are at most zero to zero; NaN stays
	GemmMask             // apply Mask
)
