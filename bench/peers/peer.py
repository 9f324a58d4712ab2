"""The other side of bench/harness/peer.go, for contenders in Python."""

import os
import resource
import sys
import time

DIR = sys.argv[-1]


def absent(why):
    print("absent", str(why).replace("\n", "; "), flush=True)
    sys.exit(0)


def load(name):
    import numpy as np

    return np.fromfile(os.path.join(DIR, name + ".f64"))


class Case:
    """run() does the work once and returns its results; prepare(), before the clock starts, brings the case to where it
    begins; value() is another figure."""

    def __init__(self, run, prepare=None, value=None):
        self.run, self.prepare, self.value = run, prepare, value


def serve(version, cases):
    import numpy as np

    print("ready", version, flush=True)
    for line in sys.stdin:
        words = line.split()
        try:
            if words == ["cases"]:
                answer = " ".join(cases)
            elif words == ["memory"]:
                answer = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            else:
                case = cases[words[1]]
                if words[0] == "value":
                    answer = repr(float(case.value()))
                elif words[0] == "check":
                    if case.prepare:
                        case.prepare()
                    out = case.run()
                    out = out if isinstance(out, tuple) else (out,)
                    np.concatenate([np.asarray(o, dtype=np.float64).ravel() for o in out]).tofile("out.f64")
                    answer = "ok"
                elif words[0] == "run":
                    if case.prepare:
                        case.prepare()
                    reps = int(words[2])
                    start = time.monotonic_ns()
                    for _ in range(reps):
                        case.run()
                    answer = time.monotonic_ns() - start
                else:
                    answer = "error no command " + line.strip()
        except Exception as e:  # the harness decides what becomes of it
            answer = "error " + (type(e).__name__ + ": " + str(e)).replace("\n", "; ")
        print(answer, flush=True)
