//go:build !unix && !windows

package main

// There are no such signals here.
func ignoreBrokenPipes() {}
