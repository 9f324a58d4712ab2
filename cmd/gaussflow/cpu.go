package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/klauspost/cpuid/v2"
	"github.com/urfave/cli/v3"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/kernels"
)

func cpuCommand() *cli.Command {
	return command("cpu", "what this machine and this build compute with",
		"Prints the kernel tier in use and those available, the CPU with its features, and the\n"+
			"BLAS backend. GAUSSFLOW_SIMD=generic|avx2|avx512|neon forces a tier for a process.\n\n"+
			examples("gaussflow cpu", "GAUSSFLOW_SIMD=generic gaussflow cpu -json"),
		nil,
		[]cli.Flag{jsonFlag()},
		func(_ context.Context, c *cli.Command) error {
			report, err := inspectCPU()
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return writeJSON(c.Root().Writer, report)
			}
			return report.print(c.Root().Writer)
		})
}

// cpuReport is what `gaussflow cpu -json` prints.
type cpuReport struct {
	Tier     string   `json:"tier"`     // the kernels in use
	Tiers    []string `json:"tiers"`    // those this machine and this build have
	CPU      string   `json:"cpu"`      // the processor's name for itself
	Features []string `json:"features"` // its instruction sets
	Threads  int      `json:"threads"`  // goroutines that compute at the same time
	BLAS     string   `json:"blas"`
	BLASCore string   `json:"blas_core"` // the kernels that OpenBLAS chose; "" without OpenBLAS
	Go       string   `json:"go"`
	Platform string   `json:"platform"`
}

func inspectCPU() (cpuReport, error) {
	tier, err := kernels.Active()
	if err != nil {
		return cpuReport{}, err
	}
	r := cpuReport{
		Tier:     tier.String(),
		CPU:      cpuid.CPU.BrandName,
		Features: cpuid.CPU.FeatureSet(),
		Threads:  runtime.GOMAXPROCS(0),
		BLAS:     blas.Backend(),
		BLASCore: blas.Core(),
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	for _, t := range kernels.Tiers() {
		r.Tiers = append(r.Tiers, t.String())
	}
	return r, nil
}

func (r cpuReport) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "tier\t%s\t(available: %s)\n", r.Tier, strings.Join(r.Tiers, ", "))
	fmt.Fprintf(t, "blas\t%s", r.BLAS)
	if r.BLASCore != "" {
		fmt.Fprintf(t, "\t(kernels: %s; OPENBLAS_CORETYPE overrides)", r.BLASCore)
	}
	fmt.Fprintln(t)
	fmt.Fprintf(t, "threads\t%d\n", r.Threads)
	fmt.Fprintf(t, "cpu\t%s\n", r.CPU)
	fmt.Fprintf(t, "go\t%s %s\n", r.Go, r.Platform)
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "features  %s\n", strings.Join(r.Features, " "))
	return err
}
