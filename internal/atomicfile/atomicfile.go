// Package atomicfile writes files that appear whole or not at all.
package atomicfile

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A File is written beside its destination, and Commit renames it. If the destination exists
// and is not a regular file, such as a pipe or /dev/null, it is written directly.
type File struct {
	*os.File
	name   string // the destination, or "" if it is written directly
	closed bool
}

// Create opens a file that Commit will name name. Its directory must exist.
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
		// Best effort: the file may belong to another user.
		_ = f.Chmod(info.Mode().Perm())
	}
	return &File{File: f, name: name}, nil
}

// Commit renames the file to its destination. After an error the destination is
// unchanged.
func (f *File) Commit() error {
	if f.closed {
		return fs.ErrClosed
	}
	if f.name == "" {
		f.closed = true
		return f.Close()
	}
	defer f.Discard()
	// The content should reach the disk before the name.
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
