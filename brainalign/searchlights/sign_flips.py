"""Flipped signs of subjects, the same for every centre and every map."""

import numpy as np

from brainalign.inference.sign_flip import sign_flip_test
from brainalign.searchlights.map_test import MapTest


def flipped_signs(means: np.ndarray, n_flips: int, seed: int, over: str) -> MapTest:
    """Return p values of scores of subjects above 0, see :func:`brainalign.inference.sign_flip.sign_flip_test`.

    Parameters
    ----------
    means
        ``(n_maps, n_subjects, n_centres)``; centres with a NaN get none.
    n_flips, seed
        Of random flips.
    over
        What the scores are compared with, for the sentence.
    """
    n_maps, n_subjects = means.shape[:2]
    there = np.isfinite(means).all(axis=(0, 1))
    wide = means[:, :, there].transpose(1, 0, 2).reshape(n_subjects, -1)
    every = sign_flip_test(wide, n_flips, seed, "greater")
    alone = [every] if n_maps == 1 else [sign_flip_test(own[:, there], n_flips, seed, "greater") for own in means]
    found = np.full((3, n_maps, len(there)), np.nan)
    found[0][:, there] = every.p.reshape(n_maps, -1)
    found[1][:, there] = np.stack([one.p_max for one in alone])
    found[2][:, there] = every.p_max.reshape(n_maps, -1)
    sentence = f"{every.sentence} Scores {over}; p adjusts for all centres of a map. Stimuli are fixed."
    return MapTest(
        p=found[0], p_fwe=found[1], p_all=found[2], attainable=np.full(n_maps, every.attainable), sentence=sentence
    )
