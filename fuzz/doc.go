// Package fuzz holds the fuzz targets, each with an oracle that knows the right
// answer by another way. Seed corpora stand in testdata/fuzz/<target>, and run
// with every `go test`; `make fuzz` looks for new inputs.
package fuzz
