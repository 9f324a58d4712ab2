"""Information measures by nearest neighbours, for bench/measure: one JSON question a line, one JSON answer a line.

scikit-learn's mutual_info_regression is Kraskov's estimator for two columns. The others are written out here, with as many
neighbours, three, on standardized columns: Kozachenko and Leonenko's entropy (1987), Kraskov, Stögbauer and Grassberger's
first estimator of mutual information and of total correlation (2004), all with the maximum norm, and the divergence of
Wang, Kulkarni and Verdú (2009)."""

import json
import sys
import time

import numpy as np
import scipy
import sklearn
from scipy.spatial import cKDTree
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_regression

K = 3


def standardized(x, by=None):
    by = x if by is None else by
    return (x - by.mean(0)) / by.std(0)


def radius(x):
    """The distance to the K-th neighbour."""
    return cKDTree(x).query(x, K + 1, p=np.inf)[0][:, K]


def entropy(x):
    n, d = x.shape
    y = standardized(x)
    return digamma(n) - digamma(K) + d * np.mean(np.log(2 * radius(y))) + np.log(x.std(0)).sum()


def within(x, r):
    """How many other rows are nearer than r."""
    if x.shape[1] == 1:
        s = np.sort(x[:, 0])
        return np.searchsorted(s, x[:, 0] + r, "left") - np.searchsorted(s, x[:, 0] - r, "right") - 1
    return cKDTree(x).query_ball_point(x, np.nextafter(r, 0), p=np.inf, return_length=True) - 1


def shared(x, groups):
    """What the groups of columns share, by Kraskov's first estimator."""
    n = len(x)
    x = standardized(x)
    r = radius(x[:, sum(groups, [])])
    return digamma(K) + (len(groups) - 1) * digamma(n) - sum(np.mean(digamma(within(x[:, g], r) + 1)) for g in groups)


def divergence(x, y):
    both = np.vstack([x, y])
    x, y = standardized(x, both), standardized(y, both)
    n, d = x.shape
    return d * np.mean(np.log(cKDTree(y).query(x, K)[0][:, K - 1] / cKDTree(x).query(x, K + 1)[0][:, K])) + np.log(len(y) / (n - 1))


def answers(q):
    x = np.load(q["x"])
    what, a, b = q["what"], q["a"], q["b"]
    if what == "entropy":
        yield "neighbours", lambda: [entropy(x)]
    elif what == "tc":
        yield "neighbours", lambda: [shared(x, [[j] for j in range(x.shape[1])])]
    elif what == "mi":
        yield "neighbours", lambda: [shared(x, [a, b])]
    elif what == "kl":
        y = np.load(q["y"])
        yield "neighbours", lambda: [divergence(x, y), divergence(y, x)]
    if what == "tc" and x.shape[1] == 2:
        a, b = [0], [1]
    if a and len(a) == len(b) == 1:
        yield "scikit-learn", lambda: [mutual_info_regression(x[:, a], x[:, b[0]], n_neighbors=K, random_state=0)[0]]


print(f"scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}, NumPy {np.__version__}", flush=True)
for line in sys.stdin:
    out = []
    for by, f in answers(json.loads(line)):
        began = time.perf_counter()
        nats = [float(v) for v in f()]
        out.append({"by": by, "nats": nats, "seconds": time.perf_counter() - began})
    print(json.dumps(out), flush=True)
