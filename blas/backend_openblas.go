//go:build openblas

package blas

/*
#cgo pkg-config: openblas
#include <stddef.h>

void openblas_set_num_threads(int n);
int openblas_get_num_threads(void);
char *openblas_get_corename(void);

// LAPACK itself, not LAPACKE: Debian builds OpenBLAS without the latter. The
// trailing sizes are the lengths of the character arguments, which Fortran
// compilers expect.
void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
	double *work, const int *lwork, int *iwork, const int *liwork, int *info, size_t, size_t);

static int symeig(int n, double *a, int lda, double *w, double *work, int lwork, int *iwork, int liwork) {
	int info;
	// The upper triangle in rows is the lower one in Fortran's columns.
	dsyevd_("V", "L", &n, a, &lda, w, work, &lwork, iwork, &liwork, &info, 1, 1);
	return info;
}
*/
import "C"

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/netlib/blas/netlib"
)

const backend = "openblas"

var impl netlib.Implementation

func init() { C.openblas_set_num_threads(1) }

func core() string { return C.GoString(C.openblas_get_corename()) }

// threads returns the number of threads that a call uses.
func threads() int { return int(C.openblas_get_num_threads()) }

// product is Gemm with checked arguments and k ≥ 1.
func product(tA, tB Transpose, m, n, k int, alpha float64, a, b Matrix, beta float64, c Matrix) {
	general(tA, tB, m, n, k, alpha, a, b, beta, c)
}

func gemm(tA, tB Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	impl.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func syrkUpper(t Transpose, n, k int, alpha float64, a []float64, lda int, beta float64, c []float64, ldc int) {
	impl.Dsyrk(blas.Upper, t, n, k, alpha, a, lda, beta, c, ldc)
}

// symEig overwrites a, whose largest element is near 1, with the eigenvectors in
// its rows, by ascending value: Fortran's columns are our rows.
func symEig(values []float64, a Matrix) bool {
	n, lda := C.int(a.Rows), C.int(a.Stride)
	data, w := (*C.double)(&a.Data[0]), (*C.double)(&values[0])
	var size C.double
	var isize C.int
	C.symeig(n, data, lda, w, &size, -1, &isize, -1)
	work, iwork := make([]C.double, int(size)), make([]C.int, isize)
	return C.symeig(n, data, lda, w, &work[0], C.int(len(work)), &iwork[0], C.int(len(iwork))) == 0
}
