"""The Python package rbig: fits 12 layers to 6,000 rows of 8 columns, and scores them."""

import peer

try:
    import json
    from importlib.metadata import distribution, packages_distributions

    import numpy as np
    from rbig import AnnealedRBIG

    # What the package says of its version is older than what its metadata say; those name the commit, too.
    installed = distribution(packages_distributions()["rbig"][0])
    commit = json.loads(installed.read_text("direct_url.json") or "{}").get("vcs_info", {}).get("commit_id", "")
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
    f"rbig {installed.version}, commit {commit[:12] or 'unknown'}, NumPy {np.__version__}",
    {"fit": peer.Case(fit, value=lambda: score().mean()), "score-fit": peer.Case(score)},
)
