"""JAX on the CPU, everything jitted: jax_peer.py kernels|flow float64|float32 THREADS INPUTS, where any number of threads
but one is all. "kernels" are the functions; "flow" is the training step and log p of the coupling flow: for each block a
fixed rotation, then the coordinates of the second half through mixtures that a perceptron (width 64, two hidden layers,
ReLU) makes of the first half, then the first half given the new second one; weights = softmax(logit), scale =
exp(5·tanh(raw))."""

import os
import sys

what, precision, threads = sys.argv[1:4]
os.environ["JAX_PLATFORMS"] = "cpu"
if threads == "1":  # nothing is spread over threads, and the pool has one
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    os.environ["NPROC"] = "1"

import peer

try:
    import jax
    import jax.numpy as jnp
    import numpy as np
    from jax.scipy.special import log_ndtr, logsumexp, ndtr, ndtri
    from jax.scipy.stats import norm
except ImportError as e:
    peer.absent(e)

jax.config.update("jax_enable_x64", precision == "float64")
LOG_SQRT_2PI = 0.5 * float(np.log(2 * np.pi))
VERSION = f"JAX {jax.__version__}, {precision}, {'one thread' if threads == '1' else 'all cores'}"


def mixture_map(x, weight, mean, scale, axis):
    """z and log dz/dx; the components lie along the axis."""
    u = (jnp.expand_dims(x, axis) - mean) / scale
    cdf, sf = (weight * ndtr(u)).sum(axis), (weight * ndtr(-u)).sum(axis)
    log_pdf = jnp.log((weight / scale * jnp.exp(-0.5 * u * u)).sum(axis)) - LOG_SQRT_2PI
    z = ndtri(jnp.minimum(cdf, sf))
    z = jnp.where(cdf <= sf, z, -z)
    return z, log_pdf + 0.5 * z * z + LOG_SQRT_2PI


def serve_kernels():
    t, p, a, l, x, z = (jnp.asarray(peer.load(name)) for name in "tpalxz")
    weight, mean, scale = (jnp.asarray(peer.load(name))[:, None] for name in ("weight", "mean", "scale"))

    def forward(x):
        return mixture_map(x, weight, mean, scale, 0)

    def inverse(z):
        """Newton's method in z-space within the exact bracket, bisection where a step leaves it; all samples together."""
        ends = mean + scale * z

        def wanted(state):
            i, _, _, _, _, moving = state
            return (i < 200) & moving.any()

        def step(state):
            i, lo, hi, x, (z_x, slope), moving = state
            rho = z_x - z
            lo, hi = jnp.where(rho > 0, lo, x), jnp.where(rho > 0, x, hi)
            new = x - rho * jnp.exp(-slope)
            new = jnp.where((lo <= new) & (new <= hi), new, 0.5 * (lo + hi))
            new = jnp.where(moving, new, x)
            moving &= (new != x) & (jnp.abs(rho) > 1e-15 * jnp.maximum(1, jnp.abs(z)))
            return i + 1, lo, hi, new, forward(new), moving

        lo, hi = ends.min(0), ends.max(0)
        x = 0.5 * (lo + hi)
        state = jax.lax.while_loop(wanted, step, (0, lo, hi, x, forward(x), jnp.full(x.shape, True)))
        return state[3], -state[4][1]

    def em(x):
        d = x - mean
        u = d / scale
        r = weight / scale * jnp.exp(-0.5 * u * u)
        f = r.sum(0)
        r = r / f
        return r.sum(1), (r * d).sum(1), (r * d * d).sum(1), jnp.sum(jnp.log(f) - LOG_SQRT_2PI)[None]

    def case(f, argument):
        jitted = jax.jit(f)
        return peer.Case(lambda: jax.block_until_ready(jitted(argument)))

    peer.serve(
        VERSION,
        {
            "cdf": case(ndtr, t),
            "logcdf": case(log_ndtr, t),
            "quantile": case(ndtri, p),
            "exp": case(jnp.exp, a),
            "log": case(jnp.log, l),
            "forward": case(forward, x),
            "inverse": case(inverse, z),
            "em": case(em, x),
        },
    )


def clipped_map(x, logit, mean, scale):
    """The same as gauss_flows computes it: one tail, clipped, and log f by logsumexp."""
    x = x[:, None]
    u = jnp.clip((jax.nn.softmax(logit, axis=1) * norm.cdf(x, mean, scale)).sum(1), 1e-6, 1 - 1e-6)
    z = ndtri(u)
    return z, logsumexp(jax.nn.log_softmax(logit, axis=1) + norm.logpdf(x, mean, scale), axis=1) - norm.logpdf(z)


def two_tailed_map(x, logit, mean, scale):
    return mixture_map(x, jax.nn.softmax(logit, axis=1), mean, scale, 1)


def serve_flow():
    data = jnp.asarray(peer.load("moons").reshape(-1, 2))
    rotation = jnp.asarray(peer.load("rotation").reshape(-1, 2, 2))
    blocks, width, bound, batch, steps, peak = len(rotation), 64, 5.0, 512, 150, 5e-4
    stored = np.stack([peer.load(name).reshape(blocks, 2, -1) for name in ("logit", "means", "raw")], 2)
    components = stored.shape[-1]

    def start():
        """Per block two conditioners, of coordinate 1 given 0 and of 0 given 1: hidden layers at random, the last kernel
        zero, its bias what the diagonal flow stores."""
        rng = np.random.default_rng(0)
        params = []
        for b in range(blocks):
            for coordinate in (1, 0):
                layers, size = [], 1
                for _ in range(2):
                    reach = np.sqrt(12 / size)
                    layers.append((rng.uniform(-reach, reach, (width, size)), rng.uniform(-reach / 2, reach / 2, width)))
                    size = width
                layers.append((np.zeros((3 * components, size)), stored[b, coordinate].ravel()))
                params.append(layers)
        return jax.tree.map(jnp.asarray, params)

    def trained_conditioners():
        """Those among the inputs."""
        flat, params = peer.load("conditioners"), []

        def take(*shape):
            nonlocal flat
            part, flat = flat[: np.prod(shape)], flat[np.prod(shape) :]
            return part.reshape(shape)

        for _ in range(2 * blocks):
            sizes = [1, width, width, 3 * components]
            params.append([(take(o, i), take(o)) for i, o in zip(sizes, sizes[1:])])
        assert len(flat) == 0
        return jax.tree.map(jnp.asarray, params)

    def mapped(map, layers, given, x):
        h = given[:, None]
        for kernel, bias in layers[:-1]:
            h = jax.nn.relu(h @ kernel.T + bias)
        kernel, bias = layers[-1]
        logit, mean, raw = jnp.split(h @ kernel.T + bias, 3, axis=1)
        return map(x, logit, mean, jnp.exp(bound * jnp.tanh(raw)))

    def log_prob(params, x, map=two_tailed_map):
        total = 0.0
        for b in range(blocks):
            x = x @ rotation[b].T
            second, l = mapped(map, params[2 * b], x[:, 0], x[:, 1])
            total += l
            first, l = mapped(map, params[2 * b + 1], second, x[:, 0])
            total += l
            x = jnp.stack([first, second], 1)
        return total - 0.5 * (x * x).sum(1) - 2 * LOG_SQRT_2PI

    def rate(i):
        """The one-cycle schedule."""
        u = i / (steps - 1)
        rise = 1 / 25 + (1 - 1 / 25) * 0.5 * (1 - jnp.cos(jnp.pi * u / 0.3))
        fall = 1 / 25e4 + (1 - 1 / 25e4) * 0.5 * (1 + jnp.cos(jnp.pi * (u - 0.3) / 0.7))
        return peak * jnp.where(u <= 0.3, rise, fall)

    def step(state):
        params, m, v, i, key = state
        key, draw = jax.random.split(key)
        rows = data[jax.random.randint(draw, (batch,), 0, len(data))]
        grad = jax.grad(lambda p: -log_prob(p, rows).mean())(params)
        norm = jnp.sqrt(sum((g * g).sum() for g in jax.tree.leaves(grad)))
        grad = jax.tree.map(lambda g: g / jnp.maximum(norm, 1), grad)
        lr = rate(jnp.minimum(i, steps - 1))
        i = i + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grad)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grad)
        c1, c2 = 1 - 0.9**i, 1 - 0.999**i
        params = jax.tree.map(lambda p, m, v: p - lr * (m / c1) / (jnp.sqrt(v / c2) + 1e-8), params, m, v)
        return params, m, v, i, key

    jitted = jax.jit(step, donate_argnums=0)
    evaluate = jax.jit(log_prob)
    state = None

    def fresh():
        nonlocal state
        params = start()
        zero = lambda: jax.tree.map(jnp.zeros_like, params)
        state = jax.block_until_ready((params, zero(), zero(), jnp.asarray(0), jax.random.key(0)))

    def run():
        nonlocal state
        state = jax.block_until_ready(jitted(state))
        return ()

    def trained():
        fresh()
        for _ in range(steps):
            run()
        return -evaluate(state[0], data).mean()

    def scores(evaluate, params):
        return peer.Case(lambda: jax.block_until_ready(evaluate(params, data)))

    peer.serve(
        VERSION,
        {
            "train": peer.Case(run, prepare=fresh, value=trained),
            "model": scores(evaluate, start()),
            "log-prob": scores(evaluate, trained_conditioners()),
            "log-prob-clipped": scores(jax.jit(lambda params, x: log_prob(params, x, clipped_map)), trained_conditioners()),
        },
    )


serve_kernels() if what == "kernels" else serve_flow()
