package harness

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/klauspost/cpuid/v2"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/kernels"
)

// A Machine describes where a result was measured.
type Machine struct {
	CPU      string   `json:"cpu"`
	Cores    int      `json:"cores"` // those that Go uses
	GHz      float64  `json:"ghz"`   // of this core, measured, at the start
	Platform string   `json:"platform"`
	Go       string   `json:"go"`
	Tiers    []string `json:"tiers"`
	BLAS     string   `json:"blas"` // of this process
	Date     string   `json:"date"`
	Peers    []string `json:"peers"` // versions of the others, or why they are absent
}

// ThisMachine describes the machine and this process.
func ThisMachine() Machine {
	m := Machine{
		CPU:      fmt.Sprintf("%s (family %#x, model %#x)", cpuid.CPU.BrandName, cpuid.CPU.Family, cpuid.CPU.Model),
		Cores:    runtime.GOMAXPROCS(0),
		GHz:      Clock(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Go:       runtime.Version(),
		BLAS:     blas.Backend(),
		Date:     time.Now().UTC().Format("2006-01-02 15:04 UTC"),
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Platform += ", kernel " + strings.TrimSpace(string(release))
	}
	for _, t := range kernels.Tiers() {
		m.Tiers = append(m.Tiers, t.String())
	}
	return m
}

// String describes the machine on a few lines.
func (m Machine) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "CPU    %s, %d cores, %.2f GHz measured\n", m.CPU, m.Cores, m.GHz)
	fmt.Fprintf(&b, "OS     %s\n", m.Platform)
	fmt.Fprintf(&b, "Go     %s; tiers %s; BLAS of this process %s\n", m.Go, strings.Join(m.Tiers, ", "), m.BLAS)
	fmt.Fprintf(&b, "Date   %s\n", m.Date)
	for i, p := range m.Peers {
		label := "Peers"
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(&b, "%-6s %s\n", label, p)
	}
	return b.String()
}
