"""Densities that people use, chosen by the training rows alone: the results are the log-densities of the test rows.

    density_peer.py sklearn    a Gaussian; mixtures of full covariances, the number of components by BIC or by five
                               folds; a Gaussian kernel density, its bandwidth by five folds (scikit-learn)
    density_peer.py nsf        a neural spline flow (zuko), the best step by 15 % of the rows held out
    density_peer.py sinf       a sliced iterative normalizing flow (sinflow) with its defaults, which hold out 20 %
    density_peer.py conditional
                               a neural spline flow (zuko) of the first column given the second, likewise; after the
                               log-densities the results are samples given each x of the file NAME-at
    density_peer.py training   a step of training that of "nsf", and all of it; after the log-densities the results are the
                               seconds to the best step by the rows held out, and those to the end

Cases are METHOD:TABLE:SPLIT, for the files density-TABLE-SPLIT-*, nsf:NAME for conditional-NAME-*, and step:TABLE:SPLIT and
whole:TABLE:SPLIT.
"""

import sys
import time
import warnings

import peer

warnings.simplefilter("ignore")
KIND = sys.argv[1]

try:
    import numpy as np

    if KIND == "sklearn":
        import sklearn
        from sklearn.mixture import GaussianMixture
        from sklearn.model_selection import KFold
        from sklearn.neighbors import KernelDensity

        version = f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}"
    elif KIND in ("nsf", "conditional", "training"):
        import torch
        import zuko

        torch.set_num_threads(1)
        version = f"zuko {zuko.__version__}, PyTorch {torch.__version__}"
    else:
        import sinflow

        version = f"sinflow {sinflow.__version__}, NumPy {np.__version__}"
except Exception as e:
    peer.absent(e)

COMPONENTS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64]


def folds(x):
    return KFold(5, shuffle=True, random_state=0).split(x)


def ladder(x, score):
    """The number of components with the highest score; the search ends at more than twice that."""
    best = (-np.inf, 1)
    for k in COMPONENTS:
        if k > 2 * best[1] + 1 or 4 * k > len(x):
            break
        try:
            best = max(best, (score(k), k), key=lambda b: b[0])
        except ValueError:  # scikit-learn's name for a singular covariance
            break
    return best[1]


def fit(k, x):
    return GaussianMixture(k, random_state=0).fit(x)


def gaussian(train, test):
    return fit(1, train).score_samples(test)


def bic(train, test):
    return fit(ladder(train, lambda k: -fit(k, train).bic(train)), train).score_samples(test)


def cv(train, test):
    k = ladder(train, lambda k: np.mean([fit(k, train[a]).score(train[b]) for a, b in folds(train)]))
    return fit(k, train).score_samples(test)


def kde(train, test):
    x = train if len(train) <= 2000 else train[np.random.default_rng(0).permutation(len(train))[:2000]]
    widths = np.geomspace(0.03, 1.5, 18)
    scores = [sum(KernelDensity(bandwidth=h).fit(x[a]).score(x[b]) for a, b in folds(x)) for h in widths]
    # The best width shrinks with the number of rows as Silverman's rule has it.
    h = widths[int(np.argmax(scores))] * (len(x) / len(train)) ** (1 / (4 + train.shape[1]))
    return KernelDensity(bandwidth=h).fit(train).score_samples(test)


def hold_out(train):
    order = np.random.default_rng(0).permutation(len(train))
    held = max(10, int(0.15 * len(train)))
    as32 = lambda a: torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32))
    return as32(train[order[held:]]), as32(train[order[:held]])


def stepper(flow, log_prob, x):
    """Adam at 1e-3, clipped at 5, on minibatches of 256; and a function that takes a step."""
    optimizer = torch.optim.Adam(flow.parameters(), 1e-3)

    def step():
        loss = -log_prob(x[torch.randint(len(x), (256,))]).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 5)
        optimizer.step()

    return optimizer, step


def trained(flow, log_prob, x, held, most, every, halve, end):
    """Validated every so many steps: the rate is halved after more than `halve` validations without progress, and training
    ends after `end` of them, or with the last step; the flow gets what the rows held out like best. Returns the seconds
    to there and in all."""
    began = time.monotonic()
    optimizer, step = stepper(flow, log_prob, x)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=halve)
    best, since, state, reached = np.inf, 0, None, 0
    for i in range(most):
        if i % every == 0:
            with torch.no_grad():
                loss = -log_prob(held).mean().item()
            plateau.step(loss)
            since += 1
            if loss < best:
                best, since, state = loss, 0, {k: v.clone() for k, v in flow.state_dict().items()}
                reached = time.monotonic() - began
            if since > end:
                break
        step()
    flow.load_state_dict(state)
    return reached, time.monotonic() - began


def spline_flow(d):
    """Three transforms of 64×64 hidden units."""
    torch.manual_seed(0)
    return zuko.flows.NSF(d, transforms=3, hidden_features=(64, 64))


def timed_nsf(train, test):
    """1,500 steps at most."""
    flow = spline_flow(train.shape[1])
    seconds = trained(flow, lambda rows: flow().log_prob(rows), *hold_out(train), 1500, 20, 4, 15)
    with torch.no_grad():
        return flow().log_prob(torch.from_numpy(test.astype(np.float32))).numpy(), *seconds


def nsf(train, test):
    return timed_nsf(train, test)[0]


def conditional_nsf(train, test, at, samples):
    """The same of column 0 given column 1, both standardized; 10,000 steps at most, and ten times the patience."""
    torch.manual_seed(0)
    mean, deviation = train.mean(0), train.std(0)
    x, held = hold_out((train - mean) / deviation)
    flow = zuko.flows.NSF(1, context=1, transforms=3, hidden_features=(64, 64))
    trained(flow, lambda rows: flow(rows[:, 1:]).log_prob(rows[:, :1]), x, held, 10000, 50, 10, 40)
    with torch.no_grad():
        rows = torch.from_numpy(((test - mean) / deviation).astype(np.float32))
        log_prob = flow(rows[:, 1:]).log_prob(rows[:, :1]).numpy() - np.log(deviation[0])
        given = torch.from_numpy(((at - mean[1]) / deviation[1]).astype(np.float32))[:, None]
        drawn = torch.cat([flow(c).sample((samples,)).ravel() for c in given]).numpy()
    return log_prob, drawn * deviation[0] + mean[0]


def sinf(train, test):
    np.random.seed(0)
    flow = sinflow.Flow(random_state=0)
    flow.fit(train)
    return flow.log_prob(test)


def case(method, table, split):
    stem = f"density-{table}-{split}-"
    d = int(peer.load(stem + "columns")[0])
    train, test = (peer.load(stem + part).reshape(-1, d) for part in ("train", "test"))
    if method == "step":
        flow = spline_flow(d)
        return peer.Case(stepper(flow, lambda rows: flow().log_prob(rows), hold_out(train)[0])[1])
    return peer.Case(lambda: method(train, test))


def conditional_case(name):
    stem = f"conditional-{name}-"
    train, test = (peer.load(stem + part).reshape(-1, 2) for part in ("train", "test"))
    return peer.Case(lambda: conditional_nsf(train, test, peer.load(stem + "at"), int(peer.load(stem + "samples")[0])))


class Cases(dict):
    """The cases, whose rows are read when they are needed."""

    def __missing__(self, name):
        method, *of = name.split(":")
        return conditional_case(*of) if KIND == "conditional" else case(METHODS[method], *of)


METHODS = {
    "sklearn": {"gaussian": gaussian, "bic": bic, "cv": cv, "kde": kde},
    "nsf": {"nsf": nsf},
    "training": {"step": "step", "whole": timed_nsf},
    "sinf": {"sinf": sinf},
}.get(KIND)
peer.serve(version, Cases())
