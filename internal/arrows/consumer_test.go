package arrows

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A program that imports flow compiles gonum, cpuid and x/sys and nothing else from outside, and
// downloads nothing else either, although this module's own command needs much more: the go
// command loads no module that provides no package of the build. So one module will do.
func TestConsumer(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	env := func(name string) string {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	downloads := filepath.Join(env("GOMODCACHE"), "cache", "download")

	dir, cache := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module example.com/consumer\n\ngo 1.26.0\n\nrequire " + Module + " v0.0.0\n\nreplace " + Module + " => " + root + "\n",
		"main.go": "package main\n\nimport _ \"" + Module + "/flow\"\n\nfunc main() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	// An empty cache, filled from what this machine has downloaded.
	c := exec.Command("go", "list", "-mod=mod", "-modcacherw", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".")
	c.Dir = dir
	c.Env = append(os.Environ(), "GOMODCACHE="+cache, "GOPROXY=file://"+filepath.ToSlash(downloads), "GOSUMDB=off", "GOFLAGS=", "GOWORK=off")
	out, err := c.Output()
	if err != nil {
		if e, ok := err.(*exec.ExitError); ok {
			t.Fatalf("%v: %s", err, e.Stderr)
		}
		t.Fatal(err)
	}
	want := []string{cpuid, sys, gonum}
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	modules = slices.DeleteFunc(slices.Compact(modules), func(m string) bool { return m == Module || m == "example.com/consumer" })
	if !slices.Equal(modules, want) {
		t.Errorf("it compiles %q, want %q", modules, want)
	}
	var zips []string
	fs.WalkDir(os.DirFS(filepath.Join(cache, "cache", "download")), ".", func(path string, _ fs.DirEntry, _ error) error {
		if module, ok := strings.CutSuffix(path, ".zip"); ok {
			module, _, _ = strings.Cut(module, "/@v/")
			zips = append(zips, module)
		}
		return nil
	})
	slices.Sort(zips)
	if !slices.Equal(zips, want) {
		t.Errorf("it downloads %q, want %q", zips, want)
	}
}
