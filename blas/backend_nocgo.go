//go:build openblas && !cgo

package blas

// The undefined name is the message: a build that asks for OpenBLAS and cannot
// have it must not run on something else.
var _ = the_openblas_tag_needs_cgo_so_set_CGO_ENABLED_to_1_and_install_a_C_compiler
