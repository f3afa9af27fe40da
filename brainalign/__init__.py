"""Compare networks trained with biologically plausible learning rules with brain recordings.

The verbs, in the order data flows: :func:`train`, :func:`extract`, :func:`compute_rdms`, :func:`align`,
:func:`run_study`, :func:`write_report`. They are imported on first use, so that ``import brainalign`` is instant.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_VERBS = {
    "train": "training.train",
    "extract": "activations",
    "compute_rdms": "rdms",
    "align": "alignment.align",
    "run_study": "study",
    "write_report": "report.page",
}

__all__ = ["__version__", *_VERBS]


def __getattr__(name: str) -> Any:
    if name in _VERBS:
        return getattr(importlib.import_module(f"brainalign.{_VERBS[name]}"), name)
    msg = f"module 'brainalign' has no attribute {name!r}"
    raise AttributeError(msg)
