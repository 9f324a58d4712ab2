package table

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/gaussflow/gaussflow/internal/npy"
)

// An input is the bytes of a table: a stream, and where they lie in a file and are not
// compressed, that file.
type input struct {
	r    *bufio.Reader // reads from the beginning
	file *os.File      // or nil
	size int64         // of the file
}

const bufferSize = 1 << 18

// openSource opens a table and detects its format.
func (t *Table) openSource(name string) error {
	in, key, err := t.openInput(name)
	if err != nil {
		return err
	}
	if err := t.decompress(in); err != nil {
		return err
	}
	format := t.options.Format
	head, err := in.r.Peek(8)
	if err != nil && err != io.EOF {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	found := sniff(head)
	switch {
	case format == "" && found != "":
		format = found
	case format == "":
		format = CSV
		if ext := extension(name); slices.Contains(Formats, ext) {
			format = ext
		}
	}
	if key != "" && format != NPZ {
		return fmt.Errorf("%s: only an .npz file has keys", t.name)
	}
	switch format {
	case CSV:
		if found != "" {
			return fmt.Errorf("%s: it is not CSV: it begins as a %s file does", t.name, found)
		}
		t.src, err = newCSV(t, in)
	case NPY:
		t.src, err = newNPY(t, in)
	case NPZ:
		t.src, err = newNPZ(t, in, key)
	case Parquet:
		t.src, err = newParquet(t, in)
	default:
		return fmt.Errorf("there is no format %q; there are %s", clip(format), strings.Join(Formats, ", "))
	}
	return err
}

// openInput opens a file, or an .npz file whose key stands behind a colon.
func (t *Table) openInput(name string) (in *input, key string, err error) {
	if name == "-" {
		if t.options.Stdin == nil {
			return nil, "", errors.New("there is no standard input here")
		}
		return &input{r: bufio.NewReaderSize(t.options.Stdin, bufferSize)}, "", nil
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		if at := strings.LastIndexByte(name, ':'); at > 0 {
			if f2, err2 := os.Open(name[:at]); err2 == nil {
				f, key, err = f2, name[at+1:], nil
			}
		}
	}
	if err != nil {
		return nil, "", err
	}
	t.close = append(t.close, f.Close)
	info, err := f.Stat()
	if err != nil {
		return nil, "", err
	}
	if info.IsDir() {
		return nil, "", fmt.Errorf("%s: it is a directory", t.name)
	}
	in = &input{r: bufio.NewReaderSize(f, bufferSize)}
	if info.Mode().IsRegular() {
		in.file, in.size = f, info.Size()
	}
	return in, key, nil
}

// decompress replaces a compressed stream by its contents.
func (t *Table) decompress(in *input) error {
	head, _ := in.r.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(in.r)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		in.r, in.file = bufio.NewReaderSize(z, bufferSize), nil
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		// The longest window that the zstd command reads by default is 128 MiB.
		z, err := zstd.NewReader(in.r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		t.close = append(t.close, func() error { z.Close(); return nil })
		in.r, in.file = bufio.NewReaderSize(z, bufferSize), nil
	}
	return nil
}

// sniff recognises a format by the first bytes, or returns "".
func sniff(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte(npy.Magic)):
		return NPY
	case bytes.HasPrefix(head, []byte("PAR1")), bytes.HasPrefix(head, []byte("PARE")):
		return Parquet
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return NPZ
	}
	return ""
}

// extension is that of a name, without a dot and without that of a compressed file.
func extension(name string) string {
	name = strings.ToLower(name)
	for _, c := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, c)
	}
	return strings.TrimPrefix(filepath.Ext(name), ".")
}

// random returns the input as a file that can be read anywhere: a stream goes to a temporary
// file first.
func (t *Table) random(in *input) (*os.File, int64, error) {
	if in.file != nil {
		return in.file, in.size, nil
	}
	return t.spool(in.r)
}

// spool copies a stream to a temporary file.
func (t *Table) spool(r io.Reader) (*os.File, int64, error) {
	f, err := os.CreateTemp("", "gaussflow-*")
	if err != nil {
		return nil, 0, err
	}
	t.close = append(t.close, func() error { return errors.Join(f.Close(), os.Remove(f.Name())) })
	n, err := io.Copy(f, r)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", t.name, err)
	}
	return f, n, nil
}
