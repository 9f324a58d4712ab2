#!/usr/bin/env python3
"""Writes spline.csv.gz: rational-quadratic splines with knots that float64 holds exactly, and what 60 digits make of them.

The formulas are equations 4 and 6 to 8 of Durkan, Bekasov, Murray and Papamakarios, Neural spline flows, 2019, as they
stand; gradients are differences of 60 digits. Numbers are correctly rounded. Run it in this folder: python3 spline.py
"""
import csv, gzip, io, random
from mpmath import mp, mpf, log, exp, sqrt

mp.dps = 60
random.seed(20190605)


def shares(k):
    """k multiples of 2^-20 that sum to one."""
    cuts = sorted(random.sample(range(1, 1 << 20), k - 1))
    return [mpf(b - a) / (1 << 20) for a, b in zip([0] + cuts, cuts + [1 << 20])]


def knots(share, bound, floor):
    k = len(share)
    at = [-bound]
    for s in share:
        at.append(at[-1] + 2 * bound * (floor + (1 - k * floor) * s))
    at[-1] = bound
    return at


def find(at, v):
    k = 0
    while k < len(at) - 2 and v >= at[k + 1]:
        k += 1
    return k


def forward(x, xs, ys, d):
    k = find(xs, x)
    w, h = xs[k + 1] - xs[k], ys[k + 1] - ys[k]
    s, xi = h / w, (x - xs[k]) / w
    den = s + (d[k + 1] + d[k] - 2 * s) * xi * (1 - xi)
    y = ys[k] + h * (s * xi**2 + d[k] * xi * (1 - xi)) / den
    slope = s**2 * (d[k + 1] * xi**2 + 2 * s * xi * (1 - xi) + d[k] * (1 - xi)**2) / den**2
    return y, log(slope)


def inverse(y, xs, ys, d):
    k = find(ys, y)
    w, h = xs[k + 1] - xs[k], ys[k + 1] - ys[k]
    s, r = h / w, y - ys[k]
    turn = r * (d[k + 1] + d[k] - 2 * s)
    a, b, c = h * (s - d[k]) + turn, h * d[k] - turn, -s * r
    return xs[k] + w * 2 * c / (-b - sqrt(b**2 - 4 * a * c))


def softmax(logit):
    e = [exp(v) for v in logit]
    return [v / sum(e) for v in e]


def difference(f):
    e = mpf(10)**-25
    return [(p - m) / (2 * e) for p, m in zip(f(e), f(-e))]


def number(v):
    return "%.17g" % float(v)


out = io.StringIO()
columns = ["id", "K", "bound", "floor", "widths", "heights", "slopes", "x", "kind", "y", "logdet", "y_given", "x_of_y", "logdet_of_y"]
columns += [p + c for p in ("dy_", "dlogdet_") for c in ("dx", "dwidths", "dheights", "dlogslopes")]
table = csv.DictWriter(out, columns)
table.writeheader()
rows = 0
for K in (1, 2, 3, 4, 5, 8, 8, 8, 12, 16):
    for floor in (mpf(0), mpf(1) / 1024):
        bound = mpf(random.choice((1, 2, 3, 4, 5.5, 10)))
        W, H = shares(K), shares(K)
        D = [mpf(random.randrange(1, 1 << 12)) / (1 << random.randrange(6, 14)) for _ in range(K - 1)]
        xs, ys, d = knots(W, bound, floor), knots(H, bound, floor), [mpf(1)] + D + [mpf(1)]
        for v in xs + ys:
            assert mpf(float(v)) == v
        samples = [("bulk", mpf(random.uniform(-float(bound), float(bound)))) for _ in range(4)]
        samples += [("knot", v) for v in random.sample(xs[1:-1], min(2, K - 1))]
        samples += [("edge", -bound * (1 - mpf(2)**-40)), ("edge", bound * (1 - mpf(2)**-40))]
        for kind, x in samples:
            y, l = forward(x, xs, ys, d)
            given = mpf(float(y))  # an image that float64 holds
            back = inverse(given, xs, ys, d)
            row = dict(id=rows, K=K, bound=number(bound), floor=number(floor), x=number(x), kind=kind, y=number(y), logdet=number(l),
                       y_given=number(given), x_of_y=number(back), logdet_of_y=number(-forward(back, xs, ys, d)[1]))
            row.update({n: ";".join(map(number, v)) for n, v in (("widths", W), ("heights", H), ("slopes", D))})
            grads = {"dx": [difference(lambda e: forward(x + e, xs, ys, d))] if kind != "knot" else []}
            logs = lambda v, j, e: softmax([log(u) + (e if i == j else 0) for i, u in enumerate(v)])
            grads["dwidths"] = [difference(lambda e: forward(x, knots(logs(W, j, e), bound, floor), ys, d)) for j in range(K)]
            grads["dheights"] = [difference(lambda e: forward(x, xs, knots(logs(H, j, e), bound, floor), d)) for j in range(K)]
            grads["dlogslopes"] = [difference(lambda e: forward(x, xs, ys, [v * (exp(e) if i == j + 1 else 1) for i, v in enumerate(d)])) for j in range(K - 1)]
            for c, v in grads.items():
                row["dy_" + c] = ";".join(number(p[0]) for p in v)
                row["dlogdet_" + c] = ";".join(number(p[1]) for p in v)
            if kind == "knot":  # the log-det has a corner there
                for c in grads:
                    row["dy_" + c] = row["dlogdet_" + c] = ""
            table.writerow(row)
            rows += 1
with open("spline.csv.gz", "wb") as f, gzip.GzipFile(fileobj=f, mode="wb", filename="", mtime=0) as z:
    z.write(out.getvalue().encode())
print(rows, "rows")
