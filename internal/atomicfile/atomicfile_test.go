package atomicfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func content(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A name that is empty is none: nothing is written beside a place that there is not.
func TestEmptyName(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := WriteFile("", []byte("x")); err == nil {
		t.Error("no error")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
}

func TestCommitAndDiscard(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	if err := WriteFile(name, []byte("one")); err != nil || content(t, name) != "one" {
		t.Fatal(err)
	}
	if err := os.Chmod(name, 0o640); err != nil {
		t.Fatal(err)
	}
	f, err := Create(name)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("two")
	if content(t, name) != "one" {
		t.Error("the file changed before Commit")
	}
	if err := f.Commit(); err != nil || content(t, name) != "two" {
		t.Errorf("Commit: %v, %q", err, content(t, name))
	}
	if info, err := os.Stat(name); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("the permissions changed: %v, %v", info.Mode(), err)
	}
	f.Discard()
	if f, err = Create(name); err != nil {
		t.Fatal(err)
	}
	f.WriteString("three")
	f.Discard()
	if err := f.Commit(); err != fs.ErrClosed {
		t.Errorf("Commit after Discard: %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 || content(t, name) != "two" {
		t.Errorf("%v, %q", entries, content(t, name))
	}
}

func TestLinksAndOthers(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(link, []byte("x")); err != nil || content(t, target) != "x" {
		t.Errorf("through a link: %v, %q", err, content(t, target))
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is now %v, %v", info, err)
	}
	for _, name := range []string{dir, filepath.Join(dir, "none", "f"), filepath.Join(target, "f")} {
		if err := WriteFile(name, []byte("x")); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := WriteFile(os.DevNull, []byte("x")); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s was replaced: %v, %v", os.DevNull, info, err)
	}
}
