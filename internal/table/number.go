package table

import (
	"math"
	"math/bits"
	"strconv"
	"unsafe"
)

// powers are the powers of ten that fit into 64 bits.
var powers = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = 10 * p[i-1]
	}
	return p
}()

// scan reads a decimal number at the beginning of b: sign, digits, point, digits, exponent. It
// returns how many bytes it took; 0 means that there is none. Where digits or exponent are too
// many for the short way it returns exact = false, and the caller goes the long one.
//
// The number is rounded correctly: it is m/10^k with integers below 2⁶⁴, and its quotient with
// the remainder tells every case of the rounding.
func scan(b []byte, point byte) (v float64, n int, exact bool) {
	i := 0
	negative := false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		negative = b[i] == '-'
		i++
	}
	var m uint64
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		m = 10*m + uint64(b[i]-'0')
		i++
	}
	digits, decimals := i-start, 0
	if i < len(b) && b[i] == point {
		i++
		from := i
		for i < len(b) && b[i]-'0' <= 9 {
			m = 10*m + uint64(b[i]-'0')
			i++
		}
		decimals = i - from
		digits += decimals
	}
	if digits == 0 {
		return 0, 0, false
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		j := i + 1
		minus := false
		if j < len(b) && (b[j] == '-' || b[j] == '+') {
			minus = b[j] == '-'
			j++
		}
		e, from := 0, j
		for j < len(b) && b[j]-'0' <= 9 {
			e = min(10*e+int(b[j]-'0'), 1<<20)
			j++
		}
		if j == from {
			return 0, 0, false
		}
		i = j
		if minus {
			e = -e
		}
		decimals -= e
	}
	if digits > 19 || decimals < 0 || decimals >= len(powers) {
		return 0, i, false
	}
	v = quotient(m, powers[decimals])
	if negative {
		v = -v
	}
	return v, i, true
}

// quotient returns m/p, rounded to the nearest float64, ties to even.
func quotient(m, p uint64) float64 {
	if m>>53 == 0 { // both are exact, and so is the rounding of the division
		return float64(m) / float64(p)
	}
	if m == 0 {
		return 0
	}
	// m/p = q·2^e with 2⁶³ ≤ q < 2⁶⁴, and some remainder.
	lm, lp := bits.LeadingZeros64(m), bits.LeadingZeros64(p)
	m, p = m<<lm, p<<lp
	e := lp - lm
	hi, lo := m, uint64(0)
	if m >= p {
		hi, lo = m>>1, m<<63
		e -= 63
	} else {
		e -= 64
	}
	q, rest := bits.Div64(hi, lo, p)
	f, low := q>>11, q&(1<<11-1)
	if low > 1<<10 || low == 1<<10 && (rest != 0 || f&1 == 1) {
		f++
	}
	return float64(f) * math.Float64frombits(uint64(1023+e+11)<<52)
}

// parse reads a number that is all of b, in any length. Only decimal numbers are: not what
// strconv reads besides, such as hexadecimal ones and underscores.
func parse(b []byte, point byte, scratch *[]byte) (v float64, ok, tooLarge bool) {
	v, n, exact := scan(b, point)
	if n == 0 || n != len(b) {
		return 0, false, false
	}
	if exact {
		return v, true, false
	}
	if point != '.' {
		s := append((*scratch)[:0], b...)
		for i, c := range s {
			if c == point {
				s[i] = '.'
			}
		}
		*scratch, b = s, s
	}
	v, err := strconv.ParseFloat(unsafe.String(&b[0], len(b)), 64)
	if err != nil { // scan has seen that it is a number: it is too large
		return 0, true, true
	}
	return v, true, false
}
