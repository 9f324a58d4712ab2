package asm

import (
	"encoding/binary"
	"fmt"
	"go/constant"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/arch/arm64/arm64asm"
)

const neonHeader = "neon_arm64.h"

// neonMacro is a macro of the header: its name, its formals and the expression of its word.
type neonMacro struct {
	name    string
	formals []string
	word    string
}

// neonMacros reads the header. It holds nothing but comments and macros of one word each.
func neonMacros(t *testing.T) []neonMacro {
	text, err := os.ReadFile(neonHeader)
	if err != nil {
		t.Fatal(err)
	}
	define := regexp.MustCompile(`^#define ([A-Z0-9_]+)\(([a-z, ]+)\) +WORD \$\((.*?)\)( +//.*)?$`)
	var macros []neonMacro
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "//") {
			continue
		}
		m := define.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("%s:%d: neither a comment nor a macro of one word: %s", neonHeader, i+1, line)
		}
		macros = append(macros, neonMacro{m[1], strings.Split(m[2], ", "), m[3]})
	}
	return macros
}

// expand returns the word for the given operands; expressions mean in Go what they mean in Go's assembler.
func (m neonMacro) expand(t *testing.T, operands []int) uint32 {
	expr := m.word
	for i, formal := range m.formals {
		expr = strings.ReplaceAll(expr, "("+formal+")", fmt.Sprintf("(%d)", operands[i]))
	}
	v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, expr)
	if err != nil {
		t.Fatalf("%s(%v): %v", m.name, operands, err)
	}
	word, exact := constant.Uint64Val(v.Value)
	if !exact || word>>32 != 0 {
		t.Fatalf("%s(%v): %s is no word", m.name, operands, expr)
	}
	return uint32(word)
}

// disassembly is what the macro's name promises of these operands: in the manual's order, which is the opposite one.
func (m neonMacro) disassembly(operands []int) string {
	mnemonic, suffix, _ := strings.Cut(m.name, "_")
	if suffix == "Q" {
		place := fmt.Sprintf("X%d", operands[1])
		if operands[0] != 0 {
			place += fmt.Sprintf(",#%d", operands[0])
		}
		return fmt.Sprintf("%s Q%d, [%s]", mnemonic, operands[2], place)
	}
	arrangement := map[string]string{"D2": "2D", "S4": "4S", "B16": "16B"}[suffix]
	mnemonic, zero := strings.CutSuffix(mnemonic, "0")
	var args []string
	for i := len(operands) - 1; i >= 0; i-- {
		switch m.formals[i] {
		case "i": // an element of the register before
			j := len(args) - 1
			reg, _, _ := strings.Cut(args[j], ".")
			args[j] = fmt.Sprintf("%s.D[%d]", reg, operands[i])
		case "s":
			args = append(args, fmt.Sprintf("#%d", operands[i]))
		default:
			args = append(args, fmt.Sprintf("V%d.%s", operands[i], arrangement))
		}
	}
	if zero {
		args = append(args, "#0")
	}
	if mnemonic == "ORR" && args[1] == args[2] {
		mnemonic, args = "MOV", args[:2] // the manual's alias
	}
	return mnemonic + " " + strings.Join(args, ", ")
}

// choices are the operands to try for a formal.
func (m neonMacro) choices(formal string) []int {
	switch {
	case formal == "o":
		return []int{0, 16, 1024, 65520}
	case formal == "n" && strings.HasSuffix(m.name, "_Q"):
		return []int{0, 1, 15, 16, 26}
	case formal == "i":
		return []int{0, 1}
	case formal == "s" && strings.HasPrefix(m.name, "SHL"):
		return []int{0, 1, 2, 31, 32, 52, 63}
	case formal == "s":
		return []int{1, 2, 31, 32, 52, 63, 64}
	}
	return []int{0, 1, 15, 16, 31}
}

// Every macro is the instruction that its name says, with its operands where they belong.
func TestNEONEncodings(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range neonMacros(t) {
		if seen[m.name] {
			t.Errorf("%s is defined twice", m.name)
		}
		seen[m.name] = true
		all := [][]int{nil}
		for _, formal := range m.formals {
			var longer [][]int
			for _, head := range all {
				for _, v := range m.choices(formal) {
					longer = append(longer, append(head[:len(head):len(head)], v))
				}
			}
			all = longer
		}
		for _, operands := range all {
			word := m.expand(t, operands)
			want := m.disassembly(operands)
			inst, err := arm64asm.Decode(binary.LittleEndian.AppendUint32(nil, word))
			if got := inst.String(); err != nil || got != want {
				t.Errorf("%s%v is %08X, which is %q (error %v), want %q", m.name, operands, word, got, err, want)
				break
			}
		}
	}
	if len(seen) == 0 {
		t.Errorf("no macro in %s", neonHeader)
	}
}

// Outside the header assembly says what it does.
func TestNoRawEncodings(t *testing.T) {
	comment := regexp.MustCompile(`//.*`)
	raw := regexp.MustCompile(`\b(WORD|LONG|BYTE|QUAD)\s*\$`)
	looked := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == neonHeader || !strings.HasSuffix(name, ".s") && !strings.HasSuffix(name, ".h") {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		looked++
		for i, line := range strings.Split(string(text), "\n") {
			if raw.MatchString(comment.ReplaceAllString(line, "")) {
				t.Errorf("%s:%d: a raw encoding outside %s: %s", name, i+1, neonHeader, line)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if looked == 0 {
		t.Error("no assembly to look at")
	}
}
