#!/usr/bin/env python3
"""Derives every coefficient table of package asm and writes ../coeffs.go.

    pip install mpmath==1.3.0 && python3 derive.py        (some minutes)
    python3 derive.py -check                              fails if coeffs.go is not what it would write: make derive

Each approximation is a rational (or polynomial) minimax fit in the relative error of the function that the kernels
evaluate, found by iteratively reweighted linear least squares (Lawson's weights on Loeb's linearisation) with 150
digits. Coefficients are then rounded to float64 one at a time, the free ones refitted after each, so that rounding
a coefficient costs less than the fit itself. The bound printed beside each table is the largest relative error of
the *rounded* table, in exact arithmetic, on a grid ten times as fine as the fit's.
"""
import pathlib
import subprocess
import sys

import mpmath as mp

mp.mp.dps = 150
ONE = mp.mpf(1)


def cheb(lo, hi, n):
    """n Chebyshev nodes of [lo, hi]."""
    lo, hi = mp.mpf(lo), mp.mpf(hi)
    return [(hi + lo) / 2 - (hi - lo) / 2 * mp.cos(mp.pi * (k + ONE / 2) / n) for k in range(n)]


def horner(c, x):
    a = mp.mpf(0)
    for ck in reversed(c):
        a = a * x + ck
    return a


class Fit:
    """f(x) ~ P(x)/Q(x), Q(0) = 1, relative to scale(x)*f(x); P and Q in monomials.

    fixed holds coefficients that are given: {('p', j): value} and {('q', j): value}.
    """

    def __init__(self, f, xs, n, m, weight=lambda x, fx: 1 / fx, fixed=None, iters=28, scales=1):
        self.n, self.m, self.scales = n, m, scales
        self.xs = xs
        self.fs = [f(x) for x in xs]
        self.wt = [weight(x, fx) for x, fx in zip(xs, self.fs)]
        self.fixed = {('q', 0): ONE}
        self.fixed.update(fixed or {})
        self.lawson = [ONE] * len(xs)
        self.p, self.q = [mp.mpf(0)], [ONE]
        for i in range(iters):
            self.solve()
            if i >= 6:
                self.reweight()
        best = None
        for _ in range(10):
            self.solve()
            e = max(abs(e) for e in self.errs())
            if best is None or e < best[0]:
                best = (e, list(self.p), list(self.q), list(self.lawson))
            self.reweight()
        self.err, self.p, self.q, self.lawson = best
        self.round()

    # The form fitted: its value, its denominator, and the linear columns of coefficient ('p'|'q', j) in P - f*Q = 0.
    def value(self, x):
        return horner(self.p, x) / self.denominator(x)

    def denominator(self, x):
        return horner(self.q, x)

    def column(self, k, x, f):
        return x ** k[1] if k[0] == 'p' else -f * x ** k[1]

    def admissible(self):
        return True

    def errs(self):
        return [(self.value(x) - f) * w for x, f, w in zip(self.xs, self.fs, self.wt)]

    def reweight(self):
        e = [abs(e) for e in self.errs()]
        mx = max(e)
        w = [l * (x / mx) for l, x in zip(self.lawson, e)]
        s = sum(w) / len(w)
        self.lawson = [x / s + mp.mpf(10) ** -12 for x in w]

    def solve(self):
        names = [('p', j) for j in range(self.n + 1)] + [('q', j) for j in range(1, self.m + 1)]
        free = [k for k in names if k not in self.fixed]
        nf = len(free)
        a, b = mp.matrix(nf, nf), mp.matrix(nf, 1)
        for x, f, wt, lw in zip(self.xs, self.fs, self.wt, self.lawson):
            s = wt / self.denominator(x)
            col = lambda k: self.column(k, x, f) * s
            row = [col(k) for k in free]
            rhs = -sum((v * col(k) for k, v in self.fixed.items()), mp.mpf(0))
            for i in range(nf):
                ri = row[i] * lw
                b[i] += ri * rhs
                for j in range(i, nf):
                    a[i, j] += ri * row[j]
        for i in range(nf):
            for j in range(i):
                a[i, j] = a[j, i]
        c = mp.lu_solve(a, b) if nf else []
        val = dict(self.fixed)
        val.update({k: c[i] for i, k in enumerate(free)})
        self.p = [val[('p', j)] for j in range(self.n + 1)]
        self.q = [val[('q', j)] for j in range(self.m + 1)]

    def round(self):
        """Rounds the coefficients; P and Q may share a factor, and the best of `scales` factors is kept."""
        given, exact, best = dict(self.fixed), (self.p, self.q), None
        for i in range(self.scales):
            factor = mp.mpf(float(ONE + mp.mpf(i) / self.scales))
            self.fixed = {k: mp.mpf(float(v * factor)) for k, v in given.items()}
            if not self.admissible():
                continue
            self.p, self.q = [v * factor for v in exact[0]], [v * factor for v in exact[1]]
            # The largest term first: its rounding moves the function most, and the others can still answer.
            mid = sorted(abs(x) for x in self.xs)[len(self.xs) // 2]
            names = [('p', j) for j in range(self.n + 1)] + [('q', j) for j in range(1, self.m + 1)]
            coef = lambda k: (self.p if k[0] == 'p' else self.q)[k[1]]
            for k in sorted(names, key=lambda k: abs(coef(k)) * mid ** k[1], reverse=True):
                if k not in self.fixed:
                    self.fixed[k] = mp.mpf(float(coef(k)))
                    self.solve()
            e = max(abs(e) for e in self.errs())
            if best is None or e < best[0]:
                best = e, self.p, self.q
        _, self.p, self.q = best


out = []


def hexf(v):
    """Shortest decimal that reads back as the same float64: Go, Python and people read it alike."""
    return repr(float(v))


def table(name, coefs, doc):
    out.append("// %s: %s" % (name, doc[0]))
    out.extend("// " + line for line in doc[1:])
    out.append("var %s = [%d]float64{" % (name, len(coefs)))
    out.extend("\t%s," % hexf(c) for c in coefs)
    out.append("}\n")


def bound(t, f, xs, weight=lambda x, fx: 1 / fx):
    worst = mp.mpf(0), None
    for x in xs:
        fx = f(x)
        e = abs((t.value(x) - fx) * weight(x, fx))
        if e > worst[0]:
            worst = e, x
    return worst


def report(name, e):
    line = "relative error at most %s (at %s)" % (mp.nstr(e[0], 3), mp.nstr(e[1], 6))
    print("%-12s %s" % (name, line), flush=True)
    return line


LN2 = mp.log(2)
VMAX = 36  # the kernels' clamp on v: |t| up to 42.4; beyond, they work in log space
C = mp.sqrt(1 / (2 * LN2))  # v = C*t turns exp(-t^2/2) into 2^(-v^2)


# 2^r = 1 + r*g(r) on |r| <= 1/2 (a little more: the rounding of v^2 may overshoot).
def exp2_table():
    h = mp.mpf('0.5') + mp.mpf(2) ** -40
    f = lambda r: (mp.mpf(2) ** r - 1) / r
    w = lambda r, fx: r / mp.mpf(2) ** r  # relative error of 2^r itself
    xs = [x for x in cheb(-h, h, 60)]
    t = Fit(f, xs, 10, 0, weight=w)
    e = bound(t, f, cheb(-h, h, 600), w)
    table("Exp2", t.p, ["2^r = 1 + r*g(r), |r| <= 1/2; g by ascending powers.", report("Exp2", e)])
    table("AlphaExp2", [ALPHA * c for c in t.p], ["Alpha*2^r = Alpha + r*g(r): the same, times Alpha."])


# Mills ratio in base two: Phi(-t) = 2^(-v^2) * R(v), v = C*t. One rational for every v: fitted on a grid that is
# Chebyshev in (v-a)/(v+a) and reaches so far that the ratio of the leading coefficients is the limit of v*R(v).
def mills(v):
    x = v * mp.sqrt(LN2)
    if v < 60:
        return mp.exp(x * x) * mp.erfc(x) / 2
    s, term, k = ONE, ONE, 1
    while abs(term) > mp.mpf(10) ** -60:  # divergent, but far from its smallest term here
        term *= -(2 * k - 1) / (2 * x * x)
        s += term
        k += 1
    return s / (2 * x * mp.sqrt(mp.pi))


ALPHA = mp.mpf(float(1 / (2 * mp.sqrt(mp.pi * LN2))))  # limit of v*R(v), as a float64


class MillsFit(Fit):
    """R(v) ~ ALPHA*P(v)/(v*P(v) + W(v)), W in q.

    For large v the denominator is nearly v*P: the rounding errors of P cancel in the quotient, and W's hardly count.
    A plain P/Q of the same cost is a third less accurate. ALPHA is a factor of the exponential instead (table Exp2).
    """

    def value(self, x):
        return ALPHA * horner(self.p, x) / self.denominator(x)

    def denominator(self, x):
        return x * horner(self.p, x) + horner(self.q, x)

    def admissible(self):  # Phi(0) is exactly 1/2, after every rounding on the way
        return float(ALPHA) * (float(self.fixed['p', 0]) / float(self.fixed['q', 0])) == 0.5

    def column(self, k, x, f):
        return (ALPHA - f * x) * x ** k[1] if k[0] == 'p' else -f * x ** k[1]


def mills_table():
    vmax, a = mp.mpf(10) ** 9, mp.mpf(4)
    grid = lambda n: [a * (1 + q) / (1 - q) for q in cheb(-1, (vmax - a) / (vmax + a), n)]
    half = float(1 / (2 * ALPHA))
    t = MillsFit(mills, grid(110), 10, 9, fixed={('p', 0): mp.mpf(half)}, scales=128)
    e = bound(t, mills, grid(1100))
    line = report("Mills", e)
    # The common factor changes no bit of R, and keeps v*P in range up to the largest v.
    p, w = [[v * mp.mpf(2) ** -280 for v in half] for half in (t.p, t.q)]
    table("MillsP", p, ["P of R(v) = Phi(-t)*2^(v^2) = Alpha*P(v)/(v*P(v) + W(v)), v = t*sqrt(log2(e)/2), v >= 0.",
                          "Alpha*P(0)/W(0) is exactly 1/2. Both are scaled by 2^-280.", line])
    table("MillsW", w, ["W of R(v)."])


# erf near 0, for the inverse: Phi(z) - 1/2 = z*H(z^2), |z| <= 1.
def centre_table():
    f = lambda y: mp.erf(mp.sqrt(y / 2)) / (2 * mp.sqrt(y))
    lo = mp.mpf(10) ** -12
    t = Fit(f, cheb(lo, 1, 50), 10, 0)
    table("Centre", t.p, ["Phi(z) - 1/2 = z*H(z^2), |z| <= 1.", report("Centre", bound(t, f, cheb(lo, 1, 500)))])


# log(1+f) = f - (f^2/2 - s*(f^2/2 + s^2*Lg(s^2))), s = f/(2+f), 1+f in [sqrt(1/2), sqrt(2)].
def log_table():
    smax = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1) * (1 + mp.mpf(2) ** -40)
    # 2*atanh(s) = 2s + s*y*Lg(y), y = s^2
    f = lambda y: (2 * mp.atanh(mp.sqrt(y)) / mp.sqrt(y) - 2) / y
    w = lambda y, fx: y * mp.sqrt(y) / (2 * mp.atanh(mp.sqrt(y)))
    lo = mp.mpf(10) ** -12
    t = Fit(f, cheb(lo, smax ** 2, 50), 6, 0, weight=w)
    e = bound(t, f, cheb(lo, smax ** 2, 500), w)
    table("LogLg", t.p, ["log((1+s)/(1-s)) = 2s + s*y*Lg(y), y = s^2, for arguments in [sqrt(1/2), sqrt(2)].", report("LogLg", e)])


# Probit, centre: |z| = (1-2p)*G(w), w = -log(4p(1-p)).
ZCUT_P = mp.mpf(1) / 128  # p below this goes to the tail form


def z_of_p(p):
    z = mp.sqrt(-2 * mp.log(p)) if p < mp.mpf('0.3') else mp.mpf('0.1')
    with mp.workdps(60):
        return -mp.findroot(lambda t: mp.log(mp.erfc(t / mp.sqrt(2)) / 2) - mp.log(p), z, tol=mp.mpf(10) ** -100, maxsteps=200)


def probit_tables():
    def wg(z):  # parametrised by z > 0, so that no root is sought
        p = mp.erfc(z / mp.sqrt(2)) / 2
        x = mp.erf(z / mp.sqrt(2))
        return -mp.log(4 * p * (1 - p)), (z / x if z else mp.sqrt(mp.pi / 2))

    zmax = -z_of_p(ZCUT_P * mp.mpf('0.999'))

    def grid(n):
        d = {}
        for z in cheb(0, zmax, n):
            w, g = wg(z)
            d[w] = g
        return d

    d = grid(80)
    t = Fit(lambda w: d[w], list(d), 7, 7, scales=16)
    fine = grid(800)
    e = bound(t, lambda w: fine[w], list(fine))
    line = report("Probit", e)
    table("ProbitP", t.p, ["numerator of G: quantile of p in [1/128, 1/2] is -(1-2p)*G(w), w = -log(4p(1-p)).", line])
    table("ProbitQ", t.q, ["denominator of G."])

    # tail: -z = sqrt(2)*r - c(r), r = sqrt(-log p), from p = 1/128 down to 2^-1300
    def rc(z):
        # log erfc without underflow
        t_ = z / mp.sqrt(2)
        lp = mp.log(mp.erfc(t_) / 2)
        r = mp.sqrt(-lp)
        return r, mp.sqrt(2) * r - z

    zlo = -z_of_p(ZCUT_P * mp.mpf('1.001'))
    zhi = mp.mpf('42.5')
    a = mp.mpf(5)
    u = lambda z: (z - a) / (z + a)

    def tgrid(n):
        d = {}
        for q in cheb(u(zlo), u(zhi), n):
            z = a * (1 + q) / (1 - q)
            r, c = rc(z)
            d[r] = (c, z)
        return d

    d = tgrid(90)
    t = Fit(lambda r: d[r][0], list(d), 9, 10, weight=lambda r, c: 1 / d[r][1])
    fine = tgrid(900)
    e = bound(t, lambda r: fine[r][0], list(fine), lambda r, c: 1 / fine[r][1])
    line = report("ProbitTail", e)
    table("TailP", t.p, ["numerator of c: quantile of p in [2^-1300, 1/128] is -(sqrt(2)*r - c(r)), r = sqrt(-log p).", line])
    table("TailQ", t.q, ["denominator of c."])


# tanh(x) = x + x*y*N(y)/D(y), y = x^2, |x| <= 5/8
def tanh_tables():
    h = mp.mpf('0.625')
    f = lambda y: (mp.tanh(mp.sqrt(y)) / mp.sqrt(y) - 1) / y
    w = lambda y, fx: y * mp.sqrt(y) / mp.tanh(mp.sqrt(y))
    lo = mp.mpf(10) ** -12
    t = Fit(f, cheb(lo, h * h, 50), 2, 3, weight=w)
    e = bound(t, f, cheb(lo, h * h, 500), w)
    line = report("Tanh", e)
    table("TanhP", t.p, ["numerator of (tanh(x)/x - 1)/y, y = x^2, |x| <= 5/8.", line])
    table("TanhQ", t.q, ["denominator."])


def constants():
    def split(v):
        hi = float(v)
        return hi, float(v - mp.mpf(hi))

    chi, clo = split(C)
    l2hi, l2lo = split(1 / LN2)
    # ln2 split so that k*ln2hi is exact for |k| < 2^12
    k = mp.floor(LN2 * mp.mpf(2) ** 40) / mp.mpf(2) ** 40
    rows = [
        ("CHi", chi, "sqrt(log2(e)/2), v = C*t"),
        ("CLo", clo, "its remainder"),
        ("Log2EHi", l2hi, "log2(e)"),
        ("Log2ELo", l2lo, "its remainder"),
        ("Ln2Hi", float(k), "ln 2 to 40 bits: k*Ln2Hi is exact for |k| < 2^12"),
        ("Ln2Lo", float(LN2 - k), "its remainder"),
        ("InvSqrt2Pi", float(1 / mp.sqrt(2 * mp.pi)), "1/sqrt(2 pi)"),
        ("Alpha", float(ALPHA), "limit of v*R(v)"),
        ("InvAlphaCSqrt2Pi", float(1 / (ALPHA * C * mp.sqrt(2 * mp.pi))), "w/sigma*phi(t) = w*(C/sigma)*InvAlphaCSqrt2Pi*(Alpha*2^(-v^2))"),
        ("InvAlphaSqrt2Pi", float(1 / (ALPHA * mp.sqrt(2 * mp.pi))), "phi(t) = InvAlphaSqrt2Pi*(Alpha*2^(-v^2))"),
        ("InvC", float(1 / C), "1/C"),
        ("LnSqrt2Pi", float(mp.log(2 * mp.pi) / 2), "log(sqrt(2 pi))"),
        ("Sqrt2", float(mp.sqrt(2)), "sqrt(2)"),
        ("VMax", float(VMAX), "clamp on v = C*|t| in linear space: 2^(480-VMax^2) is still a normal number"),
    ]
    out.append("// Constants the kernels share.")
    out.append("const (")
    for n, v, d in rows:
        out.append("\t%s = %s // %s" % (n, hexf(v), d))
    out.append(")\n")


def main():
    constants()
    exp2_table()
    log_table()
    tanh_tables()
    centre_table()
    probit_tables()
    mills_table()
    text = "// Code generated by derive/derive.py; DO NOT EDIT.\n\npackage asm\n\n" + "\n".join(out)
    text = subprocess.run(["gofmt"], input=text, capture_output=True, text=True, check=True).stdout
    path = pathlib.Path(__file__).parent.parent / "coeffs.go"
    if sys.argv[1:] != ["-check"]:
        path.write_text(text)
    elif path.read_text() != text:
        sys.exit("derive: asm/coeffs.go is not what derive.py prints")


if __name__ == "__main__":
    main()
