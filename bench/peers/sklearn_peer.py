"""scikit-learn's GaussianMixture, one thread: a mixture of eight components for each column, at its default tolerance of
1e-3 and at smaller ones; the figure is the mean log-likelihood per value. And log p of a mixture with full covariances, which
is given."""

import peer

try:
    import numpy as np
    import sklearn
    from sklearn.mixture import GaussianMixture
except ImportError as e:
    peer.absent(e)

columns = peer.load("columns").reshape(-1, 8)


def case(**options):
    fits = []

    def run():
        fits[:] = [
            GaussianMixture(8, covariance_type="spherical", random_state=0, **options).fit(columns[:, [j]])
            for j in range(columns.shape[1])
        ]
        return np.concatenate([np.stack([f.weights_, f.means_[:, 0], np.sqrt(f.covariances_)]).ravel() for f in fits])

    def value():
        if not fits:
            run()
        return np.mean([f.score(columns[:, [j]]) for j, f in enumerate(fits)])

    return peer.Case(run, value=value)


def mixture_log_prob():
    d = 16
    weight, mean = peer.load("gaussians_weight"), peer.load("gaussians_mean").reshape(-1, d)
    chol, x = peer.load("gaussians_chol").reshape(-1, d, d), peer.load("gaussians_x").reshape(-1, d)
    g = GaussianMixture(len(weight), covariance_type="full")
    g.weights_, g.means_, g.covariances_ = weight, mean, chol @ chol.transpose(0, 2, 1)
    g.precisions_cholesky_ = np.linalg.inv(chol).transpose(0, 2, 1)
    return peer.Case(lambda: g.score_samples(x))


import warnings

warnings.simplefilter("ignore")  # ConvergenceWarning: the figure tells
peer.serve(
    f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}",
    {f"em-fit/tol={tol}": case(tol=float(tol), max_iter=5000) for tol in ("1e-3", "1e-4", "1e-5", "1e-6")}
    | {"mixture-log-prob": mixture_log_prob()},
)
