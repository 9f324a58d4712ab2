"""PyTorch on the CPU: torch_peer.py float64|float32 THREADS INPUTS, where any number of threads but one is all. The
training step and log p of the coupling flow, the model that jax_peer.py describes."""

import os
import sys

import peer

precision, threads = sys.argv[1:3]

try:
    import numpy as np
    import torch
    from torch.special import erfc, ndtri
except Exception as e:  # also libraries that PyTorch does not find
    peer.absent(e)

torch.set_default_dtype(getattr(torch, precision))
torch.set_num_threads(1 if threads == "1" else len(os.sched_getaffinity(0)))
LOG_SQRT_2PI = 0.5 * float(np.log(2 * np.pi))



def ndtr(x):
    """torch.special.ndtr is of erf: in float32 its lower tail is 0 from -5.5 on, and training ends with NaN."""
    return 0.5 * erfc(-(0.5**0.5) * x)


def load(name):
    return torch.from_numpy(peer.load(name)).to(torch.get_default_dtype())


data = load("moons").reshape(-1, 2)
rotation = load("rotation").reshape(-1, 2, 2)
blocks, width, bound, batch, steps, peak = len(rotation), 64, 5.0, 512, 150, 5e-4
stored = np.stack([peer.load(name).reshape(blocks, 2, -1) for name in ("logit", "means", "raw")], 2)
components = stored.shape[-1]


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conditioners = torch.nn.ModuleList()
        for b in range(blocks):
            for coordinate in (1, 0):
                layers, size = [], 1
                for _ in range(2):
                    layer, reach = torch.nn.Linear(size, width), (12 / size) ** 0.5
                    torch.nn.init.uniform_(layer.weight, -reach, reach)
                    torch.nn.init.uniform_(layer.bias, -reach / 2, reach / 2)
                    layers += [layer, torch.nn.ReLU()]
                    size = width
                last = torch.nn.Linear(size, 3 * components)
                torch.nn.init.zeros_(last.weight)
                last.bias.data.copy_(torch.from_numpy(stored[b, coordinate].ravel()))
                self.conditioners.append(torch.nn.Sequential(*layers, last))

    def mapped(self, i, given, x):
        logit, mean, raw = self.conditioners[i](given[:, None]).chunk(3, dim=1)
        weight, scale = torch.softmax(logit, 1), torch.exp(bound * torch.tanh(raw))
        u = (x[:, None] - mean) / scale
        cdf, sf = (weight * ndtr(u)).sum(1), (weight * ndtr(-u)).sum(1)
        log_pdf = torch.log((weight / scale * torch.exp(-0.5 * u * u)).sum(1)) - LOG_SQRT_2PI
        z = ndtri(torch.minimum(cdf, sf)) * torch.where(cdf <= sf, 1.0, -1.0)
        return z, log_pdf + 0.5 * z * z + LOG_SQRT_2PI

    def forward(self, x):
        total = 0.0
        for b in range(blocks):
            x = x @ rotation[b].T
            second, l = self.mapped(2 * b, x[:, 0], x[:, 1])
            total = total + l
            first, l = self.mapped(2 * b + 1, second, x[:, 0])
            total = total + l
            x = torch.stack([first, second], 1)
        return total - 0.5 * (x * x).sum(1) - 2 * LOG_SQRT_2PI


model = optimizer = schedule = None


def fresh():
    global model, optimizer, schedule
    torch.manual_seed(0)
    model = Model()
    optimizer = torch.optim.Adam(model.parameters(), lr=peak)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=peak, total_steps=10**9, cycle_momentum=False)


def run():
    rows = data[torch.randint(len(data), (batch,))]
    optimizer.zero_grad()
    (-model(rows).mean()).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    return ()


def trained():
    global schedule
    fresh()
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=peak, total_steps=steps + 1, cycle_momentum=False)
    for _ in range(steps):
        run()
    with torch.no_grad():
        return -model(data).mean()


def score():
    with torch.no_grad():
        return model(data).numpy()


def given():
    """The model whose conditioners are among the inputs: each layer's weights and biases, as its parameters are listed."""
    global model
    model = Model()
    flat = load("conditioners")
    assert len(flat) == sum(p.numel() for p in model.parameters())
    torch.nn.utils.vector_to_parameters(flat, model.parameters())


peer.serve(
    f"PyTorch {torch.__version__}, {precision}, {torch.get_num_threads()} threads",
    {
        "train": peer.Case(run, prepare=fresh, value=trained),
        "model": peer.Case(score, prepare=fresh),
        "log-prob": peer.Case(score, prepare=given),
    },
)
