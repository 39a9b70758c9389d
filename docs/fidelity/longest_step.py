"""How far the second step of a training moves its weights.

Usage: python docs/fidelity/longest_step.py CASE [KEY=VALUE ...]
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import celu_cli as celu


def weights_after(steps: int, case: celu.Case) -> np.ndarray:
    """All weights of the network after the first steps of a training, in one row."""
    with TemporaryDirectory() as logs:
        training = celu.train(case, logs=logs)
        for event in training:
            if getattr(event, "step", 0) >= steps:
                training.stop()
        (path,) = Path(logs).glob("*/*/checkpoint/*.npz")
        state = np.load(path)
        if state["optimizer/step"] != steps:
            sys.exit(f"the training stopped after step {state['optimizer/step']} instead of {steps}")
        return np.concatenate([state[name].ravel() for name in state.files if name.startswith("weights/")])


if __name__ == "__main__":
    case = celu.load_case(*sys.argv[1:])
    moved = np.sort(np.abs(weights_after(2, case) - weights_after(1, case)))
    print(
        f"{moved.size} weights: median {np.median(moved):.1e}, longest",
        *(f"{each:.2g}" for each in moved[:-4:-1]),
    )
