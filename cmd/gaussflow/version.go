package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v3"
)

func versionCommand() *cli.Command {
	return command("version", "which build this is",
		"Prints the version of the module, the revision it was built from if that is known, and the\n"+
			"Go toolchain.\n\n"+examples("gaussflow version", "gaussflow version -json"),
		nil,
		[]cli.Flag{jsonFlag()},
		func(_ context.Context, c *cli.Command) error {
			if c.Bool("json") {
				return writeJSON(c.Root().Writer, version())
			}
			return version().print(c.Root().Writer)
		})
}

// build is what `gaussflow version -json` prints.
type build struct {
	Version  string   `json:"version"`
	Revision string   `json:"revision"` // "" if the build does not know
	Modified bool     `json:"modified"` // the source differed from the revision
	Go       string   `json:"go"`
	Platform string   `json:"platform"`
	Tags     []string `json:"tags"`
}

func version() build {
	b := build{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Tags: []string{}}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		case "-tags":
			b.Tags = strings.Split(s.Value, ",")
		}
	}
	return b
}

// createdBy is what a model says of the program that made it.
func createdBy() string { return "gaussflow " + version().Version }

func (b build) print(w io.Writer) error {
	line := fmt.Sprintf("gaussflow %s, %s %s", b.Version, b.Go, b.Platform)
	if len(b.Tags) > 0 {
		line += ", tags " + strings.Join(b.Tags, ",")
	}
	if b.Revision != "" {
		line += ", revision " + b.Revision
		if b.Modified {
			line += " (modified)"
		}
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// completionCommand shows the command that the library adds.
func completionCommand(c *cli.Command) {
	c.Hidden = false
	c.Usage = "a script that completes commands in a shell: bash, zsh, fish or pwsh"
	c.Description = "Prints the script; a shell reads it at its start.\n\n" + examples(`source <(gaussflow completion bash)`, `gaussflow completion fish > ~/.config/fish/completions/gaussflow.fish`)
	c.OnUsageError = onUsageError
	c.Action = func(_ context.Context, c *cli.Command) error {
		return usageErrorf("completion: name one shell: bash, zsh, fish or pwsh")
	}
}
