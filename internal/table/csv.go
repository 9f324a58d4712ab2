package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// maxRecord is the longest row of a CSV file in bytes.
const maxRecord = 1 << 24

// A csvSource reads comma-separated values as RFC 4180 describes them, and the usual variations:
// other separators, decimal commas, lines that end in LF, no header.
//
// It reads each byte once, whereas encoding/csv copies a record into a string, splits it into
// fields, and leaves the numbers to strconv.
type csvSource struct {
	t          *Table
	in         io.Reader
	buf        []byte
	pos, end   int // what is read and not yet used
	eof        bool
	line       int64 // of buf[pos], from 1
	row        int64 // rows returned
	headerLine int64
	sep, point byte
	fields     int // in a row
	missing    map[string]bool
	slot       []int // of each field: where it goes in a row, or unwanted, or text
	scratch    []byte
	ragged     string // what has so many fields
}

// What becomes of a field, besides an index into the row.
const (
	unwanted = -1
	text     = -2
)

func newCSV(t *Table, in *input) (source, error) {
	s := &csvSource{t: t, in: in.r, buf: make([]byte, bufferSize), line: 1, point: '.', missing: map[string]bool{"": true}}
	for _, m := range t.options.MissingTexts {
		s.missing[m] = true
	}
	if t.options.DecimalComma {
		s.point = ','
	}
	if err := s.more(); err != nil && err != io.EOF {
		return nil, err
	}
	head := s.buf[:s.end]
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		s.pos = 3
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return nil, fmt.Errorf("%s: the text is UTF-16; convert it to UTF-8", t.name)
	}
	if bytes.IndexByte(head[:min(len(head), 1<<12)], 0) >= 0 {
		return nil, fmt.Errorf("%s: it is neither text nor a format that is read: there are zero bytes in it", t.name)
	}
	if what := otherText(head[s.pos:]); what != "" {
		return nil, fmt.Errorf("%s: it looks like %s; tables are CSV, NPY, NPZ or Parquet", t.name, what)
	}
	if cr := bytes.IndexByte(head, '\r'); cr >= 0 && cr < len(head)-1 && bytes.IndexByte(head, '\n') < 0 {
		return nil, fmt.Errorf("%s: its lines end with a carriage return alone; convert them to line feeds", t.name)
	}
	first, err := s.peek()
	if err == io.EOF {
		return nil, fmt.Errorf("%s: it is empty", t.name)
	}
	if err != nil {
		return nil, err
	}
	s.sep = t.options.Separator
	if s.sep == 0 {
		s.sep = separator(first, s.point)
	}
	names, size, err := s.split(first)
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", t.name, s.line, err)
	}
	s.fields = len(names)
	s.ragged = "the first row has"
	header := !slices.ContainsFunc(names, s.looksLikeNumber)
	if t.options.Header != nil {
		header = *t.options.Header
	}
	if header {
		s.headerLine, s.ragged = s.line, "the header has"
		s.line += int64(bytes.Count(first[:size], []byte{'\n'}))
		s.pos += size
		t.names = names
	}
	return s, nil
}

// separator returns the most frequent separator in the first line, outside of quotes.
func separator(line []byte, point byte) byte {
	best, most := byte(','), 0
	for _, sep := range []byte{',', ';', '\t', '|'} {
		n, quoted := 0, false
		for _, c := range line {
			switch {
			case c == '"':
				quoted = !quoted
			case c == sep && !quoted:
				n++
			}
		}
		if n > most && sep != point {
			best, most = sep, n
		}
	}
	if most == 0 && point == ',' {
		return ';'
	}
	return best
}

// looksLikeNumber reports whether a field of the first row is a number, so that the row is
// not a header.
func (s *csvSource) looksLikeNumber(field string) bool {
	b := []byte(field)
	_, n, _ := scan(b, s.point)
	return n > 0 && n == len(b)
}

// more reads more bytes. It first makes space, and grows the buffer if one record fills it. It
// returns io.EOF at the end.
func (s *csvSource) more() error {
	if s.eof {
		return io.EOF
	}
	if s.pos > 0 {
		copy(s.buf, s.buf[s.pos:s.end])
		s.pos, s.end = 0, s.end-s.pos
	}
	if s.end == len(s.buf) {
		if len(s.buf) >= maxRecord {
			return fmt.Errorf("%s:%d: a row takes more than %d bytes", s.t.name, s.line, maxRecord)
		}
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	for tries := 0; ; tries++ {
		n, err := s.in.Read(s.buf[s.end:])
		s.end += n
		switch {
		case err == io.EOF:
			s.eof = true
			if n == 0 {
				return io.EOF
			}
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", s.t.name, err)
		case n > 0:
			return nil
		case tries > 100:
			return fmt.Errorf("%s: %w", s.t.name, io.ErrNoProgress)
		}
	}
}

// peek returns the next record with its line end, skipping blank lines. A quoted field may hold
// line ends.
func (s *csvSource) peek() ([]byte, error) {
	from := 0 // of the record, relative to pos: what was looked at
	quoted := false
	for {
		for i := s.pos + from; i < s.end; i++ {
			switch c := s.buf[i]; {
			case c == '"':
				quoted = !quoted
			case c == '\n' && !quoted:
				record := s.buf[s.pos : i+1]
				if len(bytes.TrimSpace(record)) == 0 {
					s.pos = i + 1
					s.line++
					break
				}
				return record, nil
			}
		}
		from = s.end - s.pos
		switch err := s.more(); {
		case err == io.EOF && len(bytes.TrimSpace(s.buf[s.pos:s.end])) == 0:
			return nil, io.EOF
		case err == io.EOF:
			return s.buf[s.pos:s.end], nil
		case err != nil:
			return nil, err
		}
	}
}

// split cuts the first record into fields, and returns its size.
func (s *csvSource) split(record []byte) ([]string, int, error) {
	var fields []string
	i := 0
	for {
		field, n, last, err := s.field(record[i:])
		if err != nil {
			return nil, 0, err
		}
		fields = append(fields, string(field))
		i += n
		if last || len(fields) > maxColumns {
			return fields, i, nil
		}
	}
}

var (
	errIncomplete = errors.New("a quoted field has no end")
	errQuote      = errors.New("text follows a quoted field")
)

// field returns the first field of b without its quotes and the space about it, and how many
// bytes it takes with the separator or the line end. last is that no separator follows.
func (s *csvSource) field(b []byte) (field []byte, n int, last bool, err error) {
	i := 0
	for i < len(b) && b[i] == ' ' {
		i++
	}
	if i < len(b) && b[i] == '"' {
		i++
		from := i
		s.scratch = s.scratch[:0]
		for {
			q := bytes.IndexByte(b[i:], '"')
			if q < 0 {
				return nil, 0, false, errIncomplete
			}
			i += q + 1
			if i < len(b) && b[i] == '"' { // a doubled quote stands for one
				s.scratch = append(s.scratch, b[from:i]...)
				i++
				from = i
				continue
			}
			field = b[from : i-1]
			if len(s.scratch) > 0 {
				s.scratch = append(s.scratch, field...)
				field = s.scratch
			}
			break
		}
		for i < len(b) && (b[i] == ' ' || b[i] == '\r') {
			i++
		}
		switch {
		case i == len(b):
			return field, i, true, nil
		case b[i] == s.sep:
			return field, i + 1, false, nil
		case b[i] == '\n':
			return field, i + 1, true, nil
		}
		return nil, 0, false, errQuote
	}
	from := i
	for ; i < len(b); i++ {
		if b[i] == s.sep {
			return bytes.TrimSpace(b[from:i]), i + 1, false, nil
		}
		if b[i] == '\n' {
			return bytes.TrimSpace(b[from:i]), i + 1, true, nil
		}
	}
	return bytes.TrimSpace(b[from:i]), i, true, nil
}

func (s *csvSource) width() int { return s.fields }

func (s *csvSource) unusable(int) string { return "" }

func (s *csvSource) place(b *Block, row, column int) string {
	return s.where(b.Line[row], column)
}

// where is file:line:column, and the column's name.
func (s *csvSource) where(line int64, column int) string {
	at := fmt.Sprintf("%s:%d:%d", s.t.name, line, column+1)
	if s.t.names != nil {
		at += " (" + clip(s.t.names[column]) + ")"
	}
	return at
}

func (s *csvSource) next(b *Block, use []int, id int) error {
	if s.slot == nil {
		s.slot = make([]int, s.fields)
		for c := range s.slot {
			s.slot[c] = unwanted
		}
		for j, c := range use {
			s.slot[c] = j
		}
		if id >= 0 {
			if s.slot[id] >= 0 {
				return fmt.Errorf("%s: %s cannot be both an id and a number", s.t.name, s.t.title(id))
			}
			s.slot[id] = text
		}
	}
	rows, _ := b.all.Dims()
	for len(b.Row) < rows {
		err := s.record(b)
		if err == io.EOF && len(b.Row) > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// record reads one record into the next row of b.
func (s *csvSource) record(b *Block) error {
	for {
		lines, size, err := s.tryRecord(b)
		if err == errIncomplete {
			// It goes on beyond the buffer, or ends with the file.
			switch {
			case s.eof && s.pos == s.end:
				return io.EOF
			case s.eof:
				return fmt.Errorf("%s:%d: %w", s.t.name, s.line, errIncomplete)
			}
			if err := s.more(); err != nil && err != io.EOF {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		blank := lines < 0
		if !blank {
			s.row++
			b.Row = append(b.Row, s.row)
			b.Line = append(b.Line, s.line)
		} else {
			lines = 1
		}
		s.line += lines
		s.pos += size
		if !blank {
			return nil
		}
	}
}

// tryRecord parses the record at the beginning of the buffer. It returns how many lines and bytes it
// takes, -1 lines for a blank one, or errIncomplete if the buffer does not hold all of it.
func (s *csvSource) tryRecord(b *Block) (lines int64, size int, err error) {
	buf := s.buf[s.pos:s.end]
	row := b.all.RawRowView(len(b.Row))
	sep, point := s.sep, s.point
	i, field := 0, 0
	lines = 1
	for {
		slot := unwanted
		if field < len(s.slot) {
			slot = s.slot[field]
		}
		// The short way: a plain number, and behind it a separator or a line end.
		if slot >= 0 && i < len(buf) {
			v, n, exact := scan(buf[i:], point)
			if end := i + n; exact && end < len(buf) {
				c := buf[end]
				if c == '\r' && end+1 < len(buf) && buf[end+1] == '\n' {
					end, c = end+1, '\n'
				}
				if c == sep || c == '\n' {
					row[slot] = v
					i = end + 1
					field++
					if c == '\n' {
						break
					}
					continue
				}
			}
		}
		content, n, last, err := s.field(buf[i:])
		if err == nil && last && (n == 0 || buf[i+n-1] != '\n') && !s.eof {
			err = errIncomplete
		}
		if err == errIncomplete && !s.eof {
			return 0, 0, errIncomplete
		}
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", s.where(s.line, min(field, s.fields-1)), err)
		}
		if len(buf) == 0 {
			return 0, 0, errIncomplete // the end
		}
		if field == 0 && last && len(content) == 0 && (s.fields > 1 || s.eof && i+n == len(buf)) && !bytes.Contains(buf[:n], []byte{'"'}) {
			return -1, n, nil
		}
		switch {
		case slot >= 0:
			if row[slot], err = s.number(content, field); err != nil {
				return 0, 0, s.raggedOr(err, buf[i+n:], field+1, last)
			}
		case slot == text:
			b.ID = append(b.ID[:len(b.Row)], string(content))
		}
		lines += int64(bytes.Count(buf[i:max(i, i+n-1)], []byte{'\n'}))
		i += n
		field++
		if last {
			break
		}
	}
	if field != s.fields {
		return 0, 0, s.raggedError(field)
	}
	return lines, i, nil
}

func (s *csvSource) raggedError(fields int) error {
	hint := ""
	if s.headerLine > 0 && strings.HasPrefix(s.t.names[0], "#") {
		hint = " and begins with #: a comment must go"
	}
	return fmt.Errorf("%s:%d: %s, %s %d%s", s.t.name, s.line, count(fields, "field"), s.ragged, s.fields, hint)
}

// raggedOr is err, unless the row, of which rest is left, has another number of fields: that is what is
// wrong with it then.
func (s *csvSource) raggedOr(err error, rest []byte, fields int, last bool) error {
	for !last {
		_, n, end, e := s.field(rest)
		if e != nil || end && (n == 0 || rest[n-1] != '\n') && !s.eof {
			return err
		}
		fields, rest, last = fields+1, rest[n:], end
	}
	if fields != s.fields {
		return s.raggedError(fields)
	}
	return err
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// number reads a field that is not plainly a number.
func (s *csvSource) number(content []byte, field int) (float64, error) {
	v, ok, tooLarge := parse(content, s.point, &s.scratch)
	switch {
	case tooLarge:
		return 0, fmt.Errorf("%s: %s is beyond the range of float64", s.where(s.line, field), clip(string(content)))
	case ok:
		return v, nil
	case s.missing[string(content)]:
		return math.NaN(), nil
	}
	return 0, s.notNumber(string(content), field)
}

// notNumber returns the error for a text that is not a number, with advice.
func (s *csvSource) notNumber(content string, field int) error {
	at := s.where(s.line, field)
	lower := strings.TrimLeft(strings.ToLower(content), "+-")
	quoted := fmt.Sprintf("%q", clip(content))
	other := byte(',')
	if s.point == ',' {
		other = '.'
	}
	var scratch []byte
	bare := strings.Map(func(r rune) rune {
		if r == rune(other) || r == ' ' || r == '\'' || r == '_' || r == '\u00a0' || r == '\u202f' {
			return -1
		}
		return r
	}, content)
	_, grouped, _ := parse([]byte(bare), s.point, &scratch)
	_, comma, _ := parse([]byte(content), other, &scratch)
	switch {
	case lower == "inf" || lower == "infinity":
		return fmt.Errorf("%s: %s is not finite", at, quoted)
	case comma && other == ',' && strings.Count(content, ",") == 1 && !groups(content):
		return fmt.Errorf("%s: %s is not a number (-decimal , reads decimal commas)", at, quoted)
	case s.fields == 1 && s.blanksBetween(content):
		return fmt.Errorf("%s: %s is not a number (-sep \" \" cuts the lines at blanks)", at, quoted)
	case grouped && bare != content:
		return fmt.Errorf("%s: %s is not a number: separators of thousands are not read", at, quoted)
	case strings.ContainsRune(content, '\u2212'):
		return fmt.Errorf("%s: %s is not a number: its minus is the character U+2212, not a hyphen", at, quoted)
	case s.withSign(content) != "":
		return fmt.Errorf("%s: %s is not a number: remove the %q", at, quoted, s.withSign(content))
	case s.isText(field):
		return fmt.Errorf("%s: %s is not a number: the column holds text; leave it out with -columns, or pass it through with -id", at, quoted)
	}
	return fmt.Errorf("%s: %s is not a number (-missing-texts says which texts stand for a missing value)", at, quoted)
}

// withSign is the sign of a unit beside a number.
func (s *csvSource) withSign(content string) string {
	for _, sign := range []string{"%", "$", "€", "£", "¥"} {
		bare := strings.TrimSpace(strings.TrimPrefix(strings.TrimSuffix(content, sign), sign))
		if bare != content && s.looksLikeNumber(bare) {
			return sign
		}
	}
	return ""
}

// blanksBetween reports whether a text is several numbers, as many as the header has words.
func (s *csvSource) blanksBetween(content string) bool {
	fields := strings.Fields(content)
	return len(fields) > 1 && s.t.names != nil && len(strings.Fields(s.t.names[0])) == len(fields) && !slices.ContainsFunc(fields, func(f string) bool { return !s.looksLikeNumber(f) })
}

// otherText recognises other kinds of text files by their beginning.
func otherText(head []byte) string {
	text := strings.ToLower(string(bytes.TrimSpace(head[:min(len(head), 256)])))
	inside := strings.TrimSpace(strings.TrimPrefix(text, "["))
	switch {
	case strings.HasPrefix(text, "<!doctype"), strings.HasPrefix(text, "<html"), strings.HasPrefix(text, "<?xml"):
		return "a web page or XML"
	case strings.HasPrefix(text, "{"), inside != text && strings.HasPrefix(inside, "{"), inside != text && strings.HasPrefix(inside, "["):
		return "JSON"
	}
	return ""
}

// groups reports whether a comma may separate thousands: three digits follow.
func groups(s string) bool {
	_, after, _ := strings.Cut(s, ",")
	n := 0
	for n < len(after) && after[n]-'0' <= 9 {
		n++
	}
	return n == 3
}

// isText reports whether no row in the buffer has a number in a column.
func (s *csvSource) isText(column int) bool {
	rest := s.buf[s.pos:s.end]
	for range 100 {
		nl := bytes.IndexByte(rest, '\n')
		if nl < 0 {
			break
		}
		fields, _, err := s.split(rest[:nl+1])
		if err != nil {
			break
		}
		if column < len(fields) && s.looksLikeNumber(fields[column]) {
			return false
		}
		rest = rest[nl+1:]
	}
	return true
}
