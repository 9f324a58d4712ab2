"""Reads, scores and writes gaussflow's models with NumPy alone. Copy this file.

    model = load("model.safetensors")
    log_p = log_prob(model, X)              # nats a row, X of n rows, columns in the order of model["columns"]
    save("mine.safetensors", blocks, columns=["a", "b"], scaler=(mean, std))

A flow takes data x to standard normal z, layer by layer, and log p(x) = log phi(z) + sum of log|det|. A layer
is a dict of float64 arrays with a "kind"; a block is a list of layers:

    {"kind": "scale", "shift": [d], "scale": [d]}                        z = (x - shift)/scale
    {"kind": "rotation", "rotation": [d,d]}                              z = R x
    {"kind": "mixtures", "weight": [d,K], "mean": [d,K], "scale": [d,K]} z_j = Phi^-1(F_j(x_j)), F_j a Gaussian mixture
    {"kind": "coupling", "half.H.layer.L.weight": [out,in], "half.H.layer.L.bias": [out], "bound": [], ...}  see _coupling
    {"kind": "rosenblatt", "weight": [K], "mean": [K,d], "chol": [K,d,d]}  coordinate by coordinate, one mixture of all
"""
import hashlib
import json
import math
from statistics import NormalDist

import numpy as np

LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


def load(path):
    """Returns a dict with dim, columns, info, quantiles, base and blocks."""
    with open(path, "rb") as f:
        size = int.from_bytes(f.read(8), "little")
        header, data = json.loads(f.read(size)), f.read()
    meta = header.pop("__metadata__")
    if meta.get("format") != "gaussflow" or meta.get("version") != "2":
        raise ValueError("not a gaussflow model")
    if "sha256" in meta and hashlib.sha256(data).hexdigest() != meta["sha256"]:
        raise ValueError("the file is damaged")
    tensors = {name: np.frombuffer(data[slice(*t["data_offsets"])], "<f8").reshape(t["shape"]) for name, t in header.items()}
    attributes = json.loads(meta.get("attributes", "{}"))
    kinds = json.loads(meta["layers"]) if "layers" in meta else _guess(tensors)
    blocks = []
    for i, block in enumerate(kinds):
        layers = [{"kind": k, **attributes.get(f"{i}.{j}", {})} for j, k in enumerate(block)]
        # "block.I." is what a rotation and mixtures share; longer prefixes come first.
        prefixes = _prefixes(block, i)
        for j in sorted(range(len(block)), key=lambda j: (prefixes[j] == f"block.{i}.", block[j] != "rotation")):
            for name in [n for n in tensors if n.startswith(prefixes[j])]:
                if block[j] != "rotation" or name.endswith("rotation"):
                    layers[j][name[len(prefixes[j]):]] = tensors.pop(name)
        blocks.append(layers)
    dim = int(meta["dim"])
    return {"dim": dim, "columns": json.loads(meta["columns"]) if "columns" in meta else None,
            "info": json.loads(meta.get("info", "{}")), "quantiles": tensors.get("logprob.quantiles"),
            "base": (tensors.get("base.loc", np.zeros(dim)), tensors.get("base.scale", np.ones(dim))), "blocks": blocks}


def save(path, blocks, columns=None, scaler=None, info=None, quantiles=None, base=None):
    """Writes a model: blocks of layers, the names of the columns, and (shift, scale) of a first layer."""
    blocks = [[dict(layer) for layer in block] for block in blocks]
    if scaler is not None:
        blocks[0].insert(0, {"kind": "scale", "shift": scaler[0], "scale": scaler[1]})
    kinds = [[layer.pop("kind") for layer in block] for block in blocks]
    tensors, attributes = {}, {}
    for i, block in enumerate(blocks):
        for j, (prefix, layer) in enumerate(zip(_prefixes(kinds[i], i), block)):
            texts = {k: v for k, v in layer.items() if isinstance(v, str)}
            if texts:
                attributes[f"{i}.{j}"] = texts
            tensors.update({prefix + k: v for k, v in layer.items() if k not in texts})
    dim = _dim(kinds[0], blocks[0])
    if base is not None:
        tensors["base.loc"], tensors["base.scale"] = base
    if quantiles is not None:
        tensors["logprob.quantiles"] = quantiles
    header, data = {}, b""
    for name, value in tensors.items():
        value = np.ascontiguousarray(np.asarray(value, "<f8")) if np.ndim(value) else np.asarray(value, "<f8")
        header[name] = {"dtype": "F64", "shape": list(value.shape), "data_offsets": [len(data), len(data) + value.nbytes]}
        data += value.tobytes()
    meta = {"format": "gaussflow", "version": "2", "dim": str(dim), "kind": "coupling" if any("coupling" in b for b in kinds) else "diagonal",
            "layers": json.dumps(kinds), "attributes": json.dumps(attributes), "sha256": hashlib.sha256(data).hexdigest()}
    if columns is not None:
        meta["columns"] = json.dumps(list(columns))
    if info is not None:
        meta["info"] = json.dumps({k: str(v) for k, v in info.items()})
    text = json.dumps({"__metadata__": meta, **header}).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text + data)


def log_prob(model, x):
    """The log-density of each row of x, in nats."""
    z, log_det = forward(model, x)
    loc, scale = model["base"]
    return log_det - (0.5 * ((z - loc) / scale) ** 2 + np.log(scale) + LOG_SQRT_2PI).sum(1)


def forward(model, x):
    """z and log|det dz/dx| of each row of x."""
    z = np.array(x, float, ndmin=2)
    if z.shape[1] != model["dim"]:
        raise ValueError(f"x has {z.shape[1]} columns; the model has {model['dim']}")
    log_det = np.zeros(len(z))
    for block in model["blocks"]:
        for layer in block:
            if layer["kind"] not in _LAYERS:
                raise NotImplementedError(f"layers of kind {layer['kind']} are scored by the command alone")
            z, ld = _LAYERS[layer["kind"]](layer, z)
            log_det += ld
    return z, log_det


def _scale(p, x):
    return (x - p["shift"]) / p["scale"], -np.log(p["scale"]).sum()


def _rotation(p, x):
    return x @ p["rotation"].T, 0.0


def _mixtures(p, x):
    z, log_det = np.empty_like(x), np.zeros(len(x))
    for j in range(x.shape[1]):
        z[:, j], ld = mixture(x[:, j], _log(p["weight"][j]), p["mean"][j], p["scale"][j])
        log_det += ld
    return z, log_det


def _log(weight):
    with np.errstate(divide="ignore"):
        return np.log(weight)


def _coupling(p, x):
    d, x, log_det = x.shape[1], x.copy(), np.zeros(len(x))
    k = [int(n) for n in str(p.get("components", "0")).split(",")]
    k = k * d if len(k) == 1 else k
    bound, floor, held = p["bound"], p.get("floor", 0.0), "half.held.mean" in p
    # Half 0 is the second half given the first; half 1 the first given what became of the second.
    for half, (mapped, given) in enumerate([(range(d // 2, d), range(0, d // 2)), (range(0, d // 2), range(d // 2, d))]):
        h, layer = np.clip(x[:, given], -1e100, 1e100), 0
        if held:  # inputs are standardized, by the mixtures that are held for them, and bounded
            if half == 0:
                h = np.stack([(h[:, i] - m) / s for i, (m, s) in enumerate(_moments(p, j, k[j]) for j in given)], 1)
            h = h / np.sqrt(1 + (h / 3) ** 2)
        while f"half.{half}.layer.{layer}.weight" in p:
            h = (_smooth_relu(h) if held else np.maximum(h, 0)) if layer else h
            h = h @ p[f"half.{half}.layer.{layer}.weight"].T + p[f"half.{half}.layer.{layer}.bias"]
            layer += 1
        at = 0
        for j in mapped:
            n = k[j] or h.shape[1] // (3 * len(mapped))
            logit, mean, raw = (h[:, at + i * n: at + (i + 1) * n] for i in range(3))
            if held:
                logit, mean, raw = _changed(p, j, n, logit, mean, raw)
            x[:, j], ld = mixture(x[:, j], _log_weight(logit, floor), mean, np.exp(bound * np.tanh(raw)))
            log_det, at = log_det + ld, at + 3 * n
    return x, log_det


def _log_weight(logit, floor):
    """The logarithms of softmax, of which the first component, the anchor, has the floor at least."""
    log_w = logit - _log_sum(np.atleast_2d(logit))[:, None]
    if floor:
        log_w = log_w + math.log1p(-floor)
        log_w[:, 0] = np.logaddexp(log_w[:, 0], math.log(floor))
    return log_w


def _moments(p, j, n):
    """Mean and standard deviation of the mixture that is held for coordinate j."""
    w = np.exp(_log_weight(p["half.held.logit"][j, :n], p.get("floor", 0.0)))[0]
    mean, scale = p["half.held.mean"][j, :n], np.exp(p["bound"] * np.tanh(p["half.held.scale"][j, :n]))
    center = (w * mean).sum()
    return center, np.sqrt((w * (scale ** 2 + (mean - center) ** 2)).sum())


def _changed(p, j, n, *change):
    """What the outputs of the network make of the parameters that are held: anchors stay, and the others within bounds."""
    logit, mean, raw = (p[f"half.held.{name}"][j, :n] for name in ("logit", "mean", "scale"))
    anchor, spread = p["pinned"][j, :n] == 1, _moments(p, j, n)[1]
    gap = np.maximum(0, raw[anchor].max() - raw)
    rise = lambda c: 1 - (np.sqrt(1 + c ** 2) - c)
    return (np.where(anchor, logit, logit + 4 * rise(change[0] / 4)),
            np.where(anchor, mean, mean + spread * change[1] / np.sqrt(1 + (change[1] / 4) ** 2)),
            np.where(anchor, raw, raw + gap * rise(change[2] / np.maximum(gap, 0.05))))


def _smooth_relu(x):
    t = np.clip((x + 1) / 2, 0, 1)
    return t ** 3 * (2 - t) + np.maximum(x, 1) - 1


def _rosenblatt(p, x):
    n, d = x.shape
    weight, mean, chol = p["weight"], p["mean"], p["chol"]
    z, log_det = np.empty_like(x), np.zeros(n)
    u, log_w = np.zeros((n, len(weight), d)), np.tile(np.log(weight), (n, 1))
    for j in range(d):
        loc = mean[:, j] + np.einsum("nki,ki->nk", u[:, :, :j], chol[:, j, :j])
        scale = chol[:, j, j]
        z[:, j], ld = mixture(x[:, j], log_w - _log_sum(log_w)[:, None], loc, scale)
        log_det += ld
        u[:, :, j] = (x[:, j, None] - loc) / scale
        log_w = log_w - 0.5 * u[:, :, j] ** 2 - np.log(scale)
    return z, log_det


_LAYERS = {"scale": _scale, "rotation": _rotation, "mixtures": _mixtures, "coupling": _coupling, "rosenblatt": _rosenblatt}

_erfc = np.vectorize(math.erfc, otypes=[float])
_quantile = np.vectorize(NormalDist().inv_cdf, otypes=[float])


def mixture(x, log_w, mean, scale):
    """z = Phi^-1(F(x)) and log dz/dx of a Gaussian mixture F; log-weights, means and scales are K, or n rows of K."""
    t, weight = (x[:, None] - mean) / scale, np.exp(log_w)
    lower, upper = (weight * _erfc(-t * math.sqrt(0.5)) / 2).sum(1), (weight * _erfc(t * math.sqrt(0.5)) / 2).sum(1)
    tail = np.minimum(lower, upper)  # never 1 - F: that loses all digits
    z = np.zeros(len(x))
    near = tail > 1e-290
    z[near] = _quantile(np.minimum(tail[near], 0.5))
    if not near.all():  # the tail underflows: in logarithms
        side = np.where(lower < upper, -t.T, t.T).T[~near]
        z[~near] = -_solve_tail(_log_sum(np.broadcast_to(log_w, t.shape)[~near] + _log_upper(np.maximum(side, 20))))
    z = np.where(lower <= upper, z, -z)
    log_f = _log_sum(log_w - 0.5 * t ** 2 - np.log(scale)) - LOG_SQRT_2PI
    return z, log_f + 0.5 * z ** 2 + LOG_SQRT_2PI


def _log_sum(a):
    m = a.max(1)
    return m + np.log(np.exp(a - m[:, None]).sum(1))


def _log_upper(t):
    """log Phi(-t) for t >= 20, by the asymptotic series."""
    term, total = np.ones_like(t), np.ones_like(t)
    for k in range(1, 12):
        term = term * -(2 * k - 1) / t ** 2
        total = total + term
    return -0.5 * t ** 2 - np.log(t) - LOG_SQRT_2PI + np.log(total)


def _solve_tail(log_p):
    """The t with log Phi(-t) = log_p, by Newton's method."""
    t = np.sqrt(-2 * log_p)
    for _ in range(20):
        u = _log_upper(t)
        t = t + (u - log_p) / np.exp(-0.5 * t ** 2 - LOG_SQRT_2PI - u)
    return t


def _prefixes(kinds, i):
    out, seen = [], set()
    for j, kind in enumerate(kinds):
        group = "map" if kind in ("mixtures", "coupling") else kind
        if i == 0 and j == 0 and kind == "scale":
            out.append("input.")
        elif group in seen:
            out.append(f"block.{i}.layer.{j}.")
        else:
            out.append(f"block.{i}." if group in ("rotation", "map") else f"block.{i}.{kind}.")
        seen.add(group)
    return out


def _guess(tensors):
    """The kinds of the layers, by the names of their tensors."""
    kinds = []
    while any(n.startswith(f"block.{len(kinds)}.") for n in tensors):
        rest = {n.split(".", 2)[2] for n in tensors if n.startswith(f"block.{len(kinds)}.")}
        block = ["scale"] if not kinds and "input.shift" in tensors else []
        block += sorted({n.split(".")[0] for n in rest if "." in n} - {"raw", "half"})
        block += [kind for kind, name in [("rotation", "rotation"), ("mixtures", "mean"), ("coupling", "half.0.layer.0.weight")] if name in rest]
        kinds.append(block)
    return kinds


def _dim(kinds, block):
    for kind, layer in zip(kinds, block):
        if kind == "scale":
            return len(layer["shift"])
        if kind in ("rotation", "mixtures"):
            return len(layer["rotation" if kind == "rotation" else "mean"])
        if kind == "rosenblatt":
            return np.shape(layer["mean"])[1]
    raise ValueError("the first block has no layer that tells the dimension")
