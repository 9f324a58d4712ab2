// Command gaussflow runs Gaussianization flows from the command line.
//
//	gaussflow fit           fit a flow to a table: CSV, NPY, NPZ or Parquet
//	gaussflow score         the log-density of each row of a table
//	gaussflow sample        draw rows
//	gaussflow map           map rows to latent space and back
//	gaussflow info          the contents of a model file
//	gaussflow plot          pictures of a model
//	gaussflow import        convert the fit of another program to a model
//	gaussflow export        write a model as JSON
//	gaussflow equivalence   the diagonal flow against the coupling flow, on two moons
//	gaussflow depth         deep stacks of couplings on a two-arm spiral
//	gaussflow cpu           the instruction sets and the BLAS in use
//	gaussflow version       the version of this build
//	gaussflow completion    a script that completes commands in a shell
//
// Every subcommand has -h. A flag may be written with one dash or with two, before the
// arguments or behind them. Results go to standard output, notes, progress and errors to
// standard error, errors as
//
//	gaussflow: what: why (where)
//
// The exit status is 0 when the work is done, 1 when it failed or was interrupted, 2 for
// bad usage, and 3 when score -fail-on-anomaly found one. Output files appear whole or not
// at all.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"
)

// The exit statuses.
const (
	statusDone   = 0
	statusFailed = 1
	statusUsage  = 2
	statusFound  = 3 // anomalies
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first interrupt asks the work to stop; a second one ends the process.
	context.AfterFunc(ctx, stop)
	// A reader that goes away, such as head, is an error of the write, and run ends with it.
	ignoreBrokenPipes()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program but for the process around it. It returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &output{Writer: stdout}
	root := &cli.Command{
		Name:  "gaussflow",
		Usage: "Gaussianization flows: densities and samples of tables of numbers",
		CustomRootCommandHelpTemplate: cli.RootCommandHelpTemplate + "\n" +
			examples("gaussflow fit train.csv -o model.safetensors", "gaussflow score model.safetensors new.csv -rank") + "\n",
		Description: "Exit status: 0 done, 1 the work failed or was interrupted, 2 bad usage, 3 anomalies found\n" +
			"with score -fail-on-anomaly. A flag may be written with one dash or with two.",
		Commands: []*cli.Command{
			fitCommand(),
			scoreCommand(),
			sampleCommand(),
			mapCommand(),
			infoCommand(),
			plotCommand(),
			measureCommand(),
			importCommand(),
			exportCommand(),
			equivalenceCommand(),
			depthCommand(),
			cpuCommand(),
			versionCommand(),
		},
		Flags: []cli.Flag{&cli.BoolFlag{Name: "version", Usage: "print which build this is", Local: true}},
		Action: func(_ context.Context, c *cli.Command) error {
			if c.Bool("version") {
				return version().print(c.Root().Writer)
			}
			if name := c.Args().First(); name != "" {
				if near := cli.SuggestCommand(c.Commands, name); near != "" {
					return usageErrorf("there is no command %q; did you mean %q? (gaussflow -h lists the commands)", name, near)
				}
				return usageErrorf("there is no command %q (gaussflow -h lists the commands)", name)
			}
			return usageErrorf("no command given (gaussflow -h lists the commands)")
		},
		Reader:          &interruptible{ctx: ctx, r: stdin},
		Writer:          out,
		ErrWriter:       stderr,
		HideHelpCommand: true,
		OnUsageError:    onUsageError,

		EnableShellCompletion:           true,
		ConfigureShellCompletionCommand: completionCommand,

		// Errors are printed, and turned into an exit status, below and nowhere else.
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
	}
	err := root.Run(ctx, append([]string{root.Name}, args...))
	if err == nil {
		err = out.err
	}
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return statusDone
	}
	fmt.Fprintln(stderr, "gaussflow:", oneLine(err.Error()))
	switch {
	case errors.As(err, new(usageError)):
		return statusUsage
	case errors.As(err, new(anomalies)):
		return statusFound
	}
	return statusFailed
}

// output remembers the error of a write: the library that prints help drops errors.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if err != nil {
		o.err = err
	}
	return n, err
}

// oneLine keeps an error on one line, whatever a file's names hold.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, s)
}

// interruptible is an input that ends when its context is done, even while a read
// waits.
type interruptible struct {
	ctx  context.Context
	r    io.Reader
	buf  []byte
	left []byte // read, but not yet delivered
	err  error
	done chan int
	gone bool // nobody waits for the read that is under way
}

func (i *interruptible) Read(p []byte) (int, error) {
	switch {
	case i.r == nil:
		return 0, io.EOF
	case i.gone:
		return 0, i.ctx.Err()
	}
	if len(i.left) == 0 && i.err == nil {
		if i.buf == nil {
			i.buf, i.done = make([]byte, 1<<18), make(chan int, 1)
		}
		go func() {
			n, err := i.r.Read(i.buf)
			i.err = err
			i.done <- n
		}()
		select {
		case n := <-i.done:
			i.left = i.buf[:n]
		case <-i.ctx.Done():
			i.gone = true
			return 0, i.ctx.Err()
		}
	}
	if len(i.left) == 0 {
		return 0, i.err
	}
	n := copy(p, i.left)
	i.left = i.left[n:]
	return n, nil
}

// examples returns the last part of a help text.
func examples(lines ...string) string { return examplesTitle + "\n   " + strings.Join(lines, "\n   ") }

const examplesTitle = "EXAMPLES:"

// command returns a subcommand that takes the arguments that are named, in that order, and at least
// as many as have no brackets. The errors of its action are prefixed by its name.
func command(name, usage, description string, arguments []string, flags []cli.Flag, action cli.ActionFunc) *cli.Command {
	least := 0
	for _, a := range arguments {
		if a[0] != '[' {
			least++
		}
	}
	description, examples, _ := strings.Cut(description, examplesTitle)
	return &cli.Command{
		Name: name, Usage: usage, Description: strings.TrimSpace(description), Flags: flags,
		CustomHelpTemplate: cli.CommandHelpTemplate + "\n" + examplesTitle + examples + "\n",
		ArgsUsage:          strings.Join(arguments, " "),
		UsageText:          strings.Join(append([]string{"gaussflow", name}, arguments...), " ") + " [options]",
		HideHelpCommand:    true,
		OnUsageError:       onUsageError,
		Action: func(ctx context.Context, c *cli.Command) error {
			switch n := c.Args().Len(); {
			case n < least:
				return usageErrorf("%s: %s is missing (%s -h shows how it is used)", name, arguments[n], c.FullName())
			case n > len(arguments) && len(arguments) == 0:
				return usageErrorf("%s: unexpected argument %q: there are only flags (%s -h lists them)", name, c.Args().First(), c.FullName())
			case n > len(arguments):
				return usageErrorf("%s: unexpected argument %q (%s -h shows how it is used)", name, c.Args().Get(len(arguments)), c.FullName())
			}
			for i := range c.Args().Len() {
				if c.Args().Get(i) == "" {
					return usageErrorf("%s: %s is empty (%s -h shows how it is used)", name, strings.Trim(arguments[i], "[]"), c.FullName())
				}
			}
			for _, flag := range []string{"o", "out", "plots", "plot", "checkpoint", "against", "given"} {
				if c.IsSet(flag) && c.String(flag) == "" {
					return usageErrorf("%s: -%s is empty (%s -h lists the flags)", name, flag, c.FullName())
				}
			}
			err := action(ctx, c)
			if errors.Is(err, context.Canceled) {
				err = errors.New("interrupted")
			}
			if err != nil {
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
	text := notParsed.ReplaceAllStringFunc(err.Error(), func(s string) string {
		switch {
		case strings.HasSuffix(s, "range"):
			return "it is too large"
		case strings.Contains(s, "Float"):
			return "want a number"
		}
		return "want a whole number"
	})
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		name, _, _ = strings.Cut(strings.TrimLeft(name, "-"), "=")
		near, least := "", min(3, (len(name)+1)/2)
		for _, f := range c.Flags {
			for _, n := range f.Names() {
				if d := edits(name, n); d < least {
					near, least = n, d
				}
			}
		}
		if near != "" {
			text += fmt.Sprintf("; did you mean -%s?", near)
		}
	}
	return usageErrorf("%s: %s (%s -h lists the flags)", c.Name, text, c.FullName())
}

// edits is the edit distance between a and b (Levenshtein 1965). cli.SuggestFlag names the nearest flag, however far it
// is.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		before := row[0]
		row[0] = i + 1
		for j := range b {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// notParsed matches strconv's error for a flag's value.
var notParsed = regexp.MustCompile(`strconv\.Parse\w+: parsing ".*": (invalid syntax|value out of range)`)

// writeJSON prints v as one JSON object.
func writeJSON(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("the result as JSON: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}
