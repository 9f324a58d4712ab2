// Package guard gives tests memory that stands between unmapped pages: a read or a write past its end faults, which
// neither the race detector nor the address sanitiser can see assembly do. It needs a Unix.
package guard
