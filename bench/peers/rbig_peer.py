"""The Python package rbig (distributed as py-rbig): fits 12 layers to 6,000 rows of 8 columns, and scores them."""

import peer

try:
    import numpy as np
    import rbig
    from rbig import AnnealedRBIG
except ImportError as e:
    peer.absent(e)

data = peer.load("data").reshape(-1, 8)
model = None


def fit():
    global model
    model = AnnealedRBIG(n_layers=12, random_state=0).fit(data)
    return ()


def score():
    if model is None:
        fit()
    return model.score_samples(data)


peer.serve(
    f"rbig {getattr(rbig, '__version__', '?')}, NumPy {np.__version__}",
    {"fit": peer.Case(fit, value=lambda: score().mean()), "score-fit": peer.Case(score)},
)
