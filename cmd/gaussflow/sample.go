package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/urfave/cli/v3"
	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow"
)

func sampleCommand() *cli.Command {
	return command("sample", "draw rows",
		`Writes N rows drawn from the model, in the units and with the columns of the data it was fitted to.
The same model, N and seed give the same rows, on every machine.

A conditional model, made by fit -given, draws N rows for each row of the table -given DATA, which has
the columns that it is conditioned on; the output contains them, too.

`+examples("gaussflow sample model.safetensors -n 1000 -seed 1 -o rows.parquet", "gaussflow sample weather.safetensors -n 100 -given hours.csv | gaussflow score weather.safetensors -"),
		[]string{"MODEL"},
		slices.Concat([]cli.Flag{
			&cli.IntFlag{Name: "n", Usage: "draw `N` rows, with -given for each row of DATA", Required: true, Validator: between(0, math.MaxInt)},
			seedFlag(),
			&cli.StringFlag{Name: "given", Usage: "draw conditioned on the rows of the table `DATA`"},
		}, outputFlags(), tableFlags()),
		func(ctx context.Context, c *cli.Command) error {
			given := c.String("given")
			if sameFile(c.String("o"), c.Args().Get(0)) || sameFile(c.String("o"), given) {
				return usageErrorf("-o %s: that is an input", c.String("o"))
			}
			f, err := loadModel(c.Args().Get(0))
			if err != nil {
				return err
			}
			switch n := f.Context(); {
			case n > 0 && given == "":
				return fmt.Errorf("the model is conditioned on its last %s: give their values with -given DATA", plural(int64(n), "column"))
			case n == 0 && given != "":
				return errors.New("-given: the model is not conditioned on any columns")
			case n > 0:
				return sampleGiven(ctx, c, f, given)
			}
			w, err := newWriter(c, "", dataNames(f))
			if err != nil {
				return err
			}
			defer w.Discard()
			src := rand.NewPCG(c.Uint64("seed"), 0)
			size := max(64, min(4096, (1<<18)/f.Dim()))
			all := mat.NewDense(size, f.Dim(), nil)
			for left := c.Int("n"); left > 0; {
				if ctx.Err() != nil {
					return errors.New("interrupted")
				}
				n := min(left, size)
				some := all.Slice(0, n, 0, f.Dim()).(*mat.Dense)
				if err := f.Sample(some, src); err != nil {
					return strip(err)
				}
				if err := w.Write(nil, all.RawMatrix().Data[:n*f.Dim()], n); err != nil {
					return err
				}
				left -= n
			}
			return w.Commit()
		})
}

// sampleGiven draws rows for each row of a table of what is given.
func sampleGiven(ctx context.Context, c *cli.Command, f *flow.Flow, name string) error {
	var columns []string
	if names := f.Columns(); names != nil {
		columns = names[f.Dim():]
	}
	s, err := openColumns(c, name, f, columns, f.Dim())
	if err != nil {
		return err
	}
	defer s.close(c)
	w, err := newWriter(c, c.String("id"), dataNames(f))
	if err != nil {
		return err
	}
	defer w.Discard()
	src := rand.NewPCG(c.Uint64("seed"), 0)
	size := max(64, min(4096, (1<<18)/width(f)))
	all := mat.NewDense(size, width(f), nil)
	var ids []string
	n := 0
	flush := func() error {
		if n == 0 {
			return nil
		}
		if err := f.Sample(all.Slice(0, n, 0, width(f)).(*mat.Dense), src); err != nil {
			return strip(err)
		}
		if err := w.Write(ids, all.RawMatrix().Data[:n*width(f)], n); err != nil {
			return err
		}
		n, ids = 0, ids[:0]
		return nil
	}
	for b, err := range s.t.Blocks() {
		if err != nil {
			return s.explain(ctx, err)
		}
		for i := range b.Row {
			row := b.X.RawRowView(i)
			if s.fill != nil {
				fillMissing(row, s.fill)
			}
			for range c.Int("n") {
				if ctx.Err() != nil {
					return errors.New("interrupted")
				}
				copy(all.RawRowView(n)[f.Dim():], row)
				if len(b.ID) > 0 {
					ids = append(ids, b.ID[i])
				}
				if n++; n == size {
					if err := flush(); err != nil {
						return err
					}
				}
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return w.Commit()
}

func seedFlag() cli.Flag {
	return &cli.Uint64Flag{Name: "seed", Usage: "start the random numbers from `S`"}
}

func mapCommand() *cli.Command {
	return command("map", "take rows to latent space and back",
		`Writes the latent z of each row of DATA, columns z0, z1, …: independent standard normal variables
if DATA has the distribution that the model was fitted to. With -inverse DATA holds latents and the output
is in the units of the data. With -logdet a column logdet holds log|det| of the map's Jacobian at
each row, in nats. The columns that a model is conditioned on (fit -given) pass through.

`+tableHelp+"\n\n"+examples("gaussflow map model.safetensors new.csv -o z.npy", "gaussflow map model.safetensors z.npy -inverse -logdet"),
		[]string{"MODEL", "DATA"},
		slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "inverse", Usage: "map from latent space to data"},
			&cli.BoolFlag{Name: "logdet", Usage: "add a column: the log-determinant of the map, in nats"},
		}, outputFlags(), tableFlags()),
		mapRows)
}

func mapRows(ctx context.Context, c *cli.Command) error {
	if sameFile(c.String("o"), c.Args().Get(0)) || sameFile(c.String("o"), c.Args().Get(1)) {
		return usageErrorf("-o %s: that is an input", c.String("o"))
	}
	f, err := loadModel(c.Args().Get(0))
	if err != nil {
		return err
	}
	in, out := f.Columns(), latentNames(f)
	seq := f.ForwardSeq
	if c.Bool("inverse") {
		in, out, seq = out, dataNames(f), f.InverseSeq
	}
	s, err := openStream(c, c.Args().Get(1), f, in)
	if err != nil {
		return err
	}
	defer s.close(c)
	logDet := c.Bool("logdet")
	if logDet {
		if slices.Contains(out, "logdet") {
			return fmt.Errorf("-logdet: the model already has a column named logdet")
		}
		out = append(slices.Clone(out), "logdet")
	}
	w, err := newWriter(c, c.String("id"), out)
	if err != nil {
		return err
	}
	defer w.Discard()
	var buf []float64
	for m, err := range seq(ctx, s.blocks()) {
		if err != nil {
			return s.explain(ctx, err)
		}
		_, ids := s.take(len(m.LogDet))
		buf = appendMapped(buf[:0], m, logDet)
		if err := w.Write(ids, buf, len(m.LogDet)); err != nil {
			return err
		}
	}
	return w.Commit()
}

// appendMapped appends the rows, each with its log-determinant if that is wanted.
func appendMapped(b []float64, m flow.Mapped, logDet bool) []float64 {
	for i, ld := range m.LogDet {
		b = append(b, m.Rows.RawRowView(i)...)
		if logDet {
			b = append(b, ld)
		}
	}
	return b
}
