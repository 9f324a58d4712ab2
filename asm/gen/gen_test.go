package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// What is committed is what the table says.
func TestGeneratedFilesAreUpToDate(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 7 {
		t.Errorf("%d files are generated, want 7 at least", len(files))
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the table of kernels says: run go generate ./asm", name)
		}
	}
}

func TestMethod(t *testing.T) {
	for name, want := range map[string]string{"NormCDF": "normCDF", "Exp": "exp", "EMSums": "emSums", "SmoothReLU": "smoothReLU"} {
		if got := (kernel{name: name}).method(); got != want {
			t.Errorf("%s becomes %s, want %s", name, got, want)
		}
	}
}
