package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v3"

	"github.com/gaussflow/gaussflow/flow"
)

func infoCommand() *cli.Command {
	return command("info", "what is in a model file",
		"Prints the dimension and the columns of a model, its size, its origin, and the quantiles of the\n"+
			"log-density of typical rows, from which ranks and thresholds are computed.\n\n"+
			examples("gaussflow info model.safetensors", "gaussflow info model.safetensors -json"),
		[]string{"MODEL"},
		[]cli.Flag{jsonFlag()},
		func(_ context.Context, c *cli.Command) error {
			r, err := inspectModel(c.Args().First())
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return writeJSON(c.Root().Writer, r)
			}
			return r.print(c.Root().Writer)
		})
}

// modelInfo is what `gaussflow info -json` prints.
type modelInfo struct {
	Kind       string            `json:"kind"`
	Dim        int               `json:"dim"`
	Given      int               `json:"given"`   // how many columns it is conditioned on, the last ones
	Columns    []string          `json:"columns"` // null if they have no names
	Parameters int               `json:"parameters"`
	Blocks     int               `json:"blocks"`
	Layers     [][]string        `json:"layers"`    // their kinds, block by block
	Quantiles  []float64         `json:"quantiles"` // of the log-density of typical rows, in per cent; null if unknown
	Info       map[string]string `json:"info"`
	Bytes      int64             `json:"bytes"`
	SHA256     string            `json:"sha256"` // of the file
}

func inspectModel(name string) (modelInfo, error) {
	f, err := loadModel(name)
	if err != nil {
		return modelInfo{}, err
	}
	file, err := os.Open(name)
	if err != nil {
		return modelInfo{}, err
	}
	defer file.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	if err != nil {
		return modelInfo{}, err
	}
	r := describe(f)
	r.Bytes, r.SHA256 = size, hex.EncodeToString(sum.Sum(nil))
	return r, nil
}

func describe(f *flow.Flow) modelInfo {
	m := f.Model()
	r := modelInfo{
		Kind: f.Kind(), Dim: f.Dim(), Given: f.Context(), Columns: m.Columns, Parameters: f.NumParams(), Blocks: f.Blocks(),
		Quantiles: m.Quantiles, Info: m.Info,
	}
	if r.Info == nil {
		r.Info = map[string]string{}
	}
	for _, b := range m.Blocks {
		var kinds []string
		for _, l := range b {
			kinds = append(kinds, l.Kind)
		}
		r.Layers = append(r.Layers, kinds)
	}
	return r
}

func (r modelInfo) print(w io.Writer) error {
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "kind\t%s\n", r.Kind)
	fmt.Fprintf(t, "dimension\t%d\n", r.Dim)
	if r.Given > 0 {
		fmt.Fprintf(t, "given\t%s\n", plural(int64(r.Given), "column"))
	}
	if r.Columns != nil {
		fmt.Fprintf(t, "columns\t%s", clipList(r.Columns[:r.Dim]))
		if r.Given > 0 {
			fmt.Fprintf(t, " given %s", clipList(r.Columns[r.Dim:]))
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintf(t, "blocks\t%d\n", r.Blocks)
	for i := 0; i < len(r.Layers); {
		same := 1
		for i+same < len(r.Layers) && slices.Equal(r.Layers[i], r.Layers[i+same]) {
			same++
		}
		label := strconv.Itoa(i)
		if same > 1 {
			label += "–" + strconv.Itoa(i+same-1)
		}
		fmt.Fprintf(t, "  %s\t%s\n", label, strings.Join(r.Layers[i], ", "))
		i += same
	}
	fmt.Fprintf(t, "parameters\t%s\n", thousands(int64(r.Parameters)))
	if r.Quantiles != nil {
		fmt.Fprintf(t, "log_prob, typical\t%.4f (1%%)  %.4f (5%%)  %.4f (50%%)  %.4f (95%%)\n", r.Quantiles[1], r.Quantiles[5], r.Quantiles[50], r.Quantiles[95])
	}
	for _, key := range slices.Sorted(maps.Keys(r.Info)) {
		if key != meansKey {
			fmt.Fprintf(t, "%s\t%s\n", oneLine(key), oneLine(r.Info[key]))
		}
	}
	fmt.Fprintf(t, "size\t%s bytes\n", thousands(r.Bytes))
	fmt.Fprintf(t, "sha256\t%s\n", r.SHA256)
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := b.WriteTo(w)
	return err
}
