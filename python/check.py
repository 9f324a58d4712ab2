#!/usr/bin/env python3
"""Compares gaussflow_io.py with the command, in both directions: check.py PATH/TO/gaussflow

Models that the command fits are scored by NumPy, and models that NumPy writes by the command; every
log-density must agree within 1e-12 of max(1, |log p|).
"""
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
import gaussflow_io  # noqa: E402

BOUND = 1e-12


def main():
    program = os.path.abspath(sys.argv[1])
    failures = 0
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)

        def run(*args):
            done = subprocess.run([program, *args], capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"gaussflow {' '.join(args)}: {done.stderr}")
            return done.stdout

        def command_scores(model, x):
            np.save("x.npy", x)
            run("score", model, "x.npy", "-o", "s.npy")
            return np.load("s.npy")[:, 0]

        def compare(name, mine, theirs):
            nonlocal failures
            worst = np.max(np.abs(mine - theirs) / np.maximum(1, np.abs(theirs)))
            ok = worst <= BOUND
            failures += not ok
            print(f"{'ok' if ok else 'FAIL':5}{name}: {len(mine)} rows, largest difference {worst:.2e}")

        rng = np.random.default_rng(1)
        u = rng.normal(size=(300, 1))
        x = np.hstack([1000 + 30 * u, u ** 2 + 0.3 * rng.normal(size=(300, 1)), 1e-3 * rng.normal(size=(300, 1))])
        np.savetxt("train.csv", x, "%.17g", ",", header="a,b,c", comments="")
        center, spread = x.mean(0), x.std(0)
        fresh = np.vstack([center + k * spread * rng.normal(size=(200, 3)) for k in (1, 5, 40)])

        for name, flags in [("the default fit", []), ("-rbig", ["-rbig", "-blocks", "3"]), ("-coupling", ["-coupling", "-blocks", "2", "-components", "3", "-steps", "20"])]:
            run("fit", "train.csv", "-o", "m.safetensors", *flags)
            model = gaussflow_io.load("m.safetensors")
            assert model["columns"] == ["a", "b", "c"] and model["info"]["rows"] == "300"
            compare(f"fitted by the command ({name}), scored by NumPy", gaussflow_io.log_prob(model, fresh), command_scores("m.safetensors", fresh))
            # Written again by NumPy it is the same model.
            gaussflow_io.save("again.safetensors", model["blocks"], columns=model["columns"], base=model["base"])
            compare(f"fitted by the command ({name}), written by NumPy", gaussflow_io.log_prob(model, fresh), command_scores("again.safetensors", fresh))

        def rotation():
            return np.linalg.qr(rng.normal(size=(3, 3)))[0]

        def mixtures(k):
            w = rng.uniform(0.1, 1, (3, k))
            return {"kind": "mixtures", "weight": w / w.sum(1, keepdims=True), "mean": rng.normal(size=(3, k)), "scale": np.exp(0.5 * rng.normal(size=(3, k)))}

        weight = rng.uniform(0.1, 1, 4)
        chol = np.tril(0.3 * rng.normal(size=(4, 3, 3)), -1) + np.apply_along_axis(np.diag, 1, np.exp(0.3 * rng.normal(size=(4, 3))))
        rosenblatt = {"kind": "rosenblatt", "weight": weight / weight.sum(), "mean": rng.normal(size=(4, 3)), "chol": chol}
        for name, blocks in [
            ("rotations and mixtures", [[{"kind": "rotation", "rotation": rotation()}, mixtures(4)] for _ in range(3)]),
            ("a mixture of Gaussians", [[rosenblatt]]),
        ]:
            gaussflow_io.save("mine.safetensors", blocks, columns=["a", "b", "c"], scaler=(center, spread))
            model = gaussflow_io.load("mine.safetensors")
            compare(f"made by NumPy ({name}), scored by the command", gaussflow_io.log_prob(model, fresh), command_scores("mine.safetensors", fresh))

        # The few lines of docs/python.md.
        with open(os.path.join(here, "..", "docs", "python.md")) as f:
            program_text = re.search(r"```python\n# score\.py\n(.*?)```", f.read(), re.S).group(1)
        run("fit", "train.csv", "-o", "model.safetensors", "-rbig")
        np.save("x.npy", x)
        scope = {}
        exec(program_text, scope)
        compare("the program of docs/python.md", scope["log_p"], command_scores("model.safetensors", x))
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
