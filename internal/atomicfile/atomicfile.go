// Package atomicfile writes files that appear whole or not at all.
package atomicfile

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A File is written beside its place and moved there by Commit. Where the name is that of
// something else than a regular file, such as a pipe or /dev/null, it is written to directly.
type File struct {
	*os.File
	name   string // where it goes, or "" if it is there
	closed bool
}

// Create opens a file that will be called name. Its directory must be there.
func Create(name string) (*File, error) {
	info, err := os.Stat(name)
	switch {
	case name == "":
		return nil, &fs.PathError{Op: "create", Path: name, Err: fmt.Errorf("the name is empty")}
	case err == nil && info.IsDir():
		return nil, &fs.PathError{Op: "create", Path: name, Err: fmt.Errorf("it is a directory")}
	case err == nil && !info.Mode().IsRegular():
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		return &File{File: f}, err
	case err == nil:
		// Write through a symbolic link, not over it.
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return nil, err
		}
	}
	mode := fs.FileMode(0o666) // less the process's mask
	dir, base := filepath.Split(name)
	f, err := os.OpenFile(filepath.Join(dir, "."+base+"."+rand.Text()[:10]), os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		if e, ok := err.(*fs.PathError); ok {
			e.Path = name // what the caller knows
		}
		return nil, err
	}
	if info != nil {
		// Best effort: the owner may be another.
		_ = f.Chmod(info.Mode().Perm())
	}
	return &File{File: f, name: name}, nil
}

// Commit puts the file into its place. After an error nothing has changed there.
func (f *File) Commit() error {
	if f.closed {
		return fs.ErrClosed
	}
	if f.name == "" {
		f.closed = true
		return f.Close()
	}
	defer f.Discard()
	// A name should not reach the disk before its content.
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.File.Name(), f.name); err != nil {
		return err
	}
	f.closed = true
	return nil
}

// Discard removes what was written. After Commit it does nothing.
func (f *File) Discard() {
	if f.closed {
		return
	}
	f.closed = true
	f.Close()
	if f.name != "" {
		os.Remove(f.File.Name())
	}
}

// WriteFile is os.WriteFile for a file that appears whole or not at all.
func WriteFile(name string, data []byte) error {
	f, err := Create(name)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}
