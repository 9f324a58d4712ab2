"""zuko on PyTorch, float64. With the argument "kernels" its rational-quadratic spline, one thread, with the knots and
slopes given: what its constructor makes of unconstrained parameters is not timed. With "train" a step of training its
neural spline flow of eight transforms."""

import sys

import peer

try:
    import torch
    import zuko
    from zuko.transforms import MonotonicRQSTransform
except ImportError as e:
    peer.absent(e)

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def serve_kernels():
    z = torch.from_numpy(peer.load("z"))
    k = peer.load("knot_x").size // z.numel()
    unconstrained = torch.zeros(z.numel(), k - 1)
    spline = MonotonicRQSTransform(unconstrained, unconstrained, torch.zeros(z.numel(), k - 2))
    for attribute, name in (("horizontal", "knot_x"), ("vertical", "knot_y"), ("derivatives", "knot_slope")):
        setattr(spline, attribute, torch.from_numpy(peer.load(name)).reshape(-1, k))

    def forward():
        with torch.no_grad():
            return spline.call_and_ladj(z)

    def inverse():
        with torch.no_grad():
            x, l = spline.inv.call_and_ladj(z)
            return x, l

    peer.serve(
        f"zuko {zuko.__version__}, PyTorch {torch.__version__}, float64, one thread",
        {"spline-forward": peer.Case(forward), "spline-inverse": peer.Case(inverse)},
    )


def serve_training():
    data = torch.from_numpy(peer.load("moons").reshape(-1, 2))
    batch = 256
    flow = optimizer = None

    def fresh():
        nonlocal flow, optimizer
        torch.manual_seed(0)
        flow = zuko.flows.NSF(features=2, transforms=8, bins=8, hidden_features=(24, 24))
        optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)

    def run():
        rows = data[torch.randint(len(data), (batch,))]
        optimizer.zero_grad()
        (-flow().log_prob(rows).mean()).backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 1.0)
        optimizer.step()
        return ()

    def trained():
        fresh()
        for _ in range(150):
            run()
        with torch.no_grad():
            return -flow().log_prob(data).mean()

    peer.serve(
        f"zuko {zuko.__version__}, PyTorch {torch.__version__}, float64, one thread",
        {"spline-train": peer.Case(run, prepare=fresh, value=trained)},
    )


if sys.argv[1] == "kernels":
    serve_kernels()
else:
    serve_training()
