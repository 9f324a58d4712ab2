"""SciPy and NumPy, one thread."""

import peer

try:
    import numpy as np
    import scipy
    from scipy.special import log_ndtr, ndtr, ndtri
except ImportError as e:
    peer.absent(e)

t, p, a, l, x = (peer.load(name) for name in "tpalx")
weight, mean, scale = (peer.load(name) for name in ("weight", "mean", "scale"))
inv, density = 1 / scale, weight / (scale * np.sqrt(2 * np.pi))


def forward():
    u = (x - mean[:, None]) * inv[:, None]
    cdf, sf = weight @ ndtr(u), weight @ ndtr(-u)
    pdf = density @ np.exp(-0.5 * u * u)
    z = ndtri(np.minimum(cdf, sf))
    z = np.where(cdf <= sf, z, -z)
    return z, np.log(pdf) + 0.5 * z * z + 0.5 * np.log(2 * np.pi)


def em():
    d = x - mean[:, None]
    u = d * inv[:, None]
    r = density[:, None] * np.exp(-0.5 * u * u)
    f = r.sum(axis=0)
    r /= f
    return r.sum(axis=1), (r * d).sum(axis=1), (r * d * d).sum(axis=1), np.log(f).sum(keepdims=True)


peer.serve(
    f"SciPy {scipy.__version__}, NumPy {np.__version__}",
    {
        "cdf": peer.Case(lambda: ndtr(t)),
        "logcdf": peer.Case(lambda: log_ndtr(t)),
        "quantile": peer.Case(lambda: ndtri(p)),
        "exp": peer.Case(lambda: np.exp(a)),
        "log": peer.Case(lambda: np.log(l)),
        "forward": peer.Case(forward),
        "em": peer.Case(em),
    },
)
