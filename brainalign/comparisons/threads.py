"""How many threads a small regression gets."""

import contextlib
from collections.abc import Iterator

# multiply-adds of one fit below which threads cost more than they save, many times more where cores are busy
_SMALL = 2e9


@contextlib.contextmanager
def few_threads(n_stimuli: int, n_targets: int, n_features: int = 0) -> Iterator[None]:
    """Run small linear algebra on one thread, and leave large alone.

    A fit of 160 stimuli, 300 features and 50 targets takes .08 s on one thread; on two, with other work on the cores,
    8.5 s.

    Parameters
    ----------
    n_stimuli, n_targets
        Of the responses.
    n_features
        Of the features where the problem is solved in their space; 0 where it is solved in that of stimuli.
    """
    side = max(n_stimuli, n_features)
    if side**2 * (side + 20 * n_targets) > _SMALL:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield
