"""Multi-task optimisation: one credit network for several functions, and what diffusion saves."""

from collections.abc import Sequence

import pandas as pd

from brainalign.metalearning.credit_walk import CreditWalk
from brainalign.metalearning.evolution import Progress
from brainalign.metalearning.function_optimisation import FunctionOptions, score, train_method

#: What a credit network was trained on, seen from a function.
TRAININGS = ("own function", "all functions", "all other functions")


def multi_task_experiment(
    options: FunctionOptions,
    method: str = "credit",
    trainings: Sequence[str] = TRAININGS,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Train one credit network per function, one on all functions at once, and one on all but the one it then meets.

    The network of all functions costs at most as many lifetimes as that of one function: each function has its share.
    Rows are those of :func:`function_experiment` with ``training``, one of :data:`TRAININGS`. A network reads values
    relative to the values met, so that functions of different units are tasks of one kind.
    """
    rows = []
    for done, seed in enumerate(options.seeds):
        together = train_method(method, options.functions, options, seed) if "all functions" in trainings else None
        for place, name in enumerate(options.functions):
            if progress:
                progress(done * len(options.functions) + place, len(options.seeds) * len(options.functions), name)
            others = tuple(one for one in options.functions if one != name)
            for training in trainings:
                if training == "all functions" and together is not None:
                    trained = together
                else:
                    trained = train_method(method, (name,) if training == "own function" else others, options, seed)
                rows.append({"function": name, "training": training, **score(trained, name, method, options, seed)})
    return pd.DataFrame(rows).assign(dimension=options.dimension)


def parameter_counts(dimensions: Sequence[int] = (2, 10, 100, 1000), n_credits: int = 1) -> pd.DataFrame:
    """Return the credit network's ``n_parameters`` by ``dimension``, diffused or not, and how often one the other."""
    rows = []
    for dimension in dimensions:
        full = CreditWalk(dimension).network.n_parameters
        diffused = CreditWalk(dimension, min(n_credits, dimension)).network.n_parameters
        rows.append((dimension, full, diffused, full / diffused))
    return pd.DataFrame(rows, columns=["dimension", "per_neuron", "diffused", "ratio"])
