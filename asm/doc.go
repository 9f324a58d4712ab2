// Package asm holds what the kernels share with their assembly: the coefficient tables, derived and bounded by
// derive/derive.py. It imports nothing of this module; use package kernels instead.
package asm
