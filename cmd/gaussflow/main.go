// Command gaussflow runs Gaussianization flows from the command line.
//
//	gaussflow equivalence   the diagonal flow against the coupling flow, on two moons
//	gaussflow cpu           what this machine and this build compute with
//
// Every subcommand has -h, and -json for a program that reads its result. A flag may be
// written with one dash or with two. Results go to standard output, progress and errors
// to standard error, errors as
//
//	gaussflow: what: why (where)
//
// The exit status is 0 when the work is done, 1 when it failed or was interrupted, and 2
// for bad usage. Output files appear whole or not at all.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v3"
)

// The exit statuses.
const (
	statusDone   = 0
	statusFailed = 1
	statusUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first interrupt asks the work to stop; a second one ends the process.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program but for the process around it. It returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := &cli.Command{
		Name:  "gaussflow",
		Usage: "Gaussianization flows: normalising flows with hand-written inner loops",
		Description: "Exit status: 0 done, 1 the work failed or was interrupted, 2 bad usage.\n" +
			"A flag may be written with one dash or with two.",
		Commands: []*cli.Command{
			equivalenceCommand(),
			cpuCommand(),
		},
		Action: func(_ context.Context, c *cli.Command) error {
			if c.Args().Present() {
				return usageErrorf("there is no command %q (gaussflow -h lists the commands)", c.Args().First())
			}
			return usageErrorf("no command given (gaussflow -h lists the commands)")
		},
		Writer:          stdout,
		ErrWriter:       stderr,
		HideHelpCommand: true,
		OnUsageError:    onUsageError,
		// Errors are printed, and turned into an exit status, below and nowhere else.
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
	}
	err := root.Run(ctx, append([]string{root.Name}, args...))
	if err == nil {
		return statusDone
	}
	fmt.Fprintln(stderr, "gaussflow:", err)
	if errors.As(err, new(usageError)) {
		return statusUsage
	}
	return statusFailed
}

// command returns a subcommand that takes flags and no arguments. The errors of its
// action are prefixed by its name.
func command(name, usage, description string, flags []cli.Flag, action cli.ActionFunc) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, Description: description, Flags: flags,
		HideHelpCommand: true,
		OnUsageError:    onUsageError,
		Action: func(ctx context.Context, c *cli.Command) error {
			if c.Args().Present() {
				return usageErrorf("%s: unexpected argument %q: there are only flags (%s -h lists them)", name, c.Args().First(), c.FullName())
			}
			if err := action(ctx, c); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		},
	}
}

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print one JSON object and nothing else"}
}

// usageError is the caller's mistake.
type usageError struct{ error }

func usageErrorf(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

func onUsageError(_ context.Context, c *cli.Command, err error, _ bool) error {
	return usageErrorf("%s: %w (%s -h lists the flags)", c.Name, err, c.FullName())
}

// writeJSON prints v as one JSON object.
func writeJSON(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("the result as JSON: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}
