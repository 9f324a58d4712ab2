package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Table is a result as text and as JSON. A cell is a string, an int, a float64, Nats, a Spread, or nil where there is nothing to say.
type Table struct {
	Name    string // of its files
	Title   string
	Notes   []string
	Columns []Column
	Rows    [][]any
}

// A Column has a name, which is its key in JSON, and a unit, which the text shows below it.
type Column struct{ Name, Unit string }

// Add appends a row; it must have a cell for every column.
func (t *Table) Add(cells ...any) {
	if len(cells) != len(t.Columns) {
		panic(fmt.Sprintf("harness: table %s: a row of %d cells for %d columns", t.Name, len(cells), len(t.Columns)))
	}
	t.Rows = append(t.Rows, cells)
}

// Note appends a line that stands below the table.
func (t *Table) Note(format string, args ...any) {
	t.Notes = append(t.Notes, fmt.Sprintf(format, args...))
}

// WriteText writes the table for people. Columns whose first cell is a string stand to the left.
func (t *Table) WriteText(w io.Writer) error {
	lines := [][]string{make([]string, len(t.Columns)), make([]string, len(t.Columns))}
	left := make([]bool, len(t.Columns))
	for j, c := range t.Columns {
		lines[0][j], lines[1][j] = c.Name, c.Unit
		for _, row := range t.Rows {
			if row[j] != nil {
				_, left[j] = row[j].(string)
				break
			}
		}
	}
	for _, row := range t.Rows {
		line := make([]string, len(row))
		for j, cell := range row {
			line[j] = text(cell)
		}
		lines = append(lines, line)
	}
	widths := make([]int, len(t.Columns))
	for _, line := range lines {
		for j, s := range line {
			widths[j] = max(widths[j], utf8.RuneCountInString(s))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", t.Title)
	for _, line := range lines {
		var out strings.Builder
		for j, s := range line {
			if j > 0 {
				out.WriteString("  ")
			}
			pad := strings.Repeat(" ", widths[j]-utf8.RuneCountInString(s))
			if left[j] {
				out.WriteString(s + pad)
			} else {
				out.WriteString(pad + s)
			}
		}
		b.WriteString(strings.TrimRight(out.String(), " ") + "\n")
	}
	if len(t.Notes) > 0 {
		b.WriteString("\n")
		for _, n := range t.Notes {
			fmt.Fprintf(&b, "%s\n", n)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Nats is a log-density: its size says nothing of how many digits matter.
type Nats float64

func text(cell any) string {
	switch c := cell.(type) {
	case nil:
		return "-"
	case string:
		return c
	case int:
		return strconv.Itoa(c)
	case float64:
		return Short(c)
	case Nats:
		return strconv.FormatFloat(float64(c), 'f', 3, 64)
	case Spread:
		return fmt.Sprintf("%s [%s %s] %s", Short(c.Median), Short(c.Low), Short(c.High), Short(c.Best))
	default:
		panic(fmt.Sprintf("harness: no text for a cell of type %T", cell))
	}
}

// Short writes a number with three significant digits.
func Short(v float64) string {
	switch a := math.Abs(v); {
	case v == 0 || math.IsInf(v, 0) || math.IsNaN(v):
		return strconv.FormatFloat(v, 'g', 3, 64)
	case a < 1e-3 || a >= 999_500:
		return strconv.FormatFloat(v, 'e', 2, 64)
	case a >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 0.9995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	default:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
}

// MarshalJSON writes the table for programs: every row is an object whose keys are the columns' names; infinities and
// NaN, which JSON lacks, are strings.
func (t *Table) MarshalJSON() ([]byte, error) {
	rows := make([]map[string]any, len(t.Rows))
	for i, row := range t.Rows {
		rows[i] = map[string]any{}
		for j, cell := range row {
			if v, ok := cell.(Nats); ok {
				cell = float64(v)
			}
			if v, ok := cell.(float64); ok && (math.IsInf(v, 0) || math.IsNaN(v)) {
				cell = fmt.Sprint(v)
			}
			rows[i][t.Columns[j].Name] = cell
		}
	}
	units := map[string]string{}
	for _, c := range t.Columns {
		if c.Unit != "" {
			units[c.Name] = c.Unit
		}
	}
	return json.Marshal(struct {
		Name  string            `json:"name"`
		Title string            `json:"title"`
		Units map[string]string `json:"units"`
		Rows  []map[string]any  `json:"rows"`
		Notes []string          `json:"notes"`
	}{t.Name, t.Title, units, rows, t.Notes})
}
