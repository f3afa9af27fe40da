"""Which mean RDMs figures show, and as what."""

import numpy as np

from brainalign.alignment.mean_rdm import BRAIN, MeanRDM
from brainalign.alignment.result import AlignmentResult
from brainalign.report.scores import panels
from brainalign.report.wording import dissimilarity_name


def rdm_cells(results: AlignmentResult) -> list[tuple[str, str]]:
    """Return the (dataset, roi) pairs that have a brain RDM."""
    found = [(key.dataset, key.roi) for key in results.rdms if key.role == BRAIN]
    order = panels(results.shown_scores)
    return sorted(found, key=lambda cell: order.index(cell) if cell in order else len(order))


def network_rdms(results: AlignmentResult, dataset: str, roi: str) -> list[MeanRDM]:
    """Return the RDMs of networks over the stimuli of a recording, where they are of one network."""
    found = [key for key in results.rdms if (key.dataset, key.roi) == (dataset, roi) and key.role != BRAIN]
    return found if len({key.network for key in found}) == 1 else []


def rdm_layer(results: AlignmentResult, dataset: str, roi: str) -> str | None:
    """Return the layer a gallery shows: the declared one, or the deepest stored; never the best-scoring one."""
    stored = {key.layer for key in network_rdms(results, dataset, roi)}
    declared = results.ranking_layer(roi)
    if declared in stored:
        return declared
    depth = [layer for network in results.networks for layer in results.layers(network) if layer in stored]
    return depth[-1] if depth else None


def rdm_columns(results: AlignmentResult, dataset: str, roi: str) -> dict[str, MeanRDM]:
    """Return what stands in a column (``"brain"`` or a rule) to its RDM."""
    layer = rdm_layer(results, dataset, roi)
    own = {key.rule: key for key in network_rdms(results, dataset, roi) if key.layer == layer}
    columns = {BRAIN: MeanRDM(dataset, roi)} if MeanRDM(dataset, roi) in results.rdms else {}
    return columns | {rule: own[rule] for rule in results.rules if rule in own}


def rdm_dissimilarities(results: AlignmentResult, dataset: str, roi: str) -> tuple[str, str]:
    """Return in words the dissimilarity that the brain's RDM holds, and that of networks; empty without networks."""
    columns = rdm_columns(results, dataset, roi)
    names = [dissimilarity_name(results.rdms[key].measure) for key in columns.values()]
    return names[0], names[1] if len(names) > 1 else ""


def percentiles(results: AlignmentResult, key: MeanRDM) -> np.ndarray:
    """Return an RDM ``(n_stimuli, n_stimuli)`` whose entries are ranks from 0 to 100, ties averaged."""
    from scipy.spatial.distance import squareform
    from scipy.stats import rankdata

    values = results.rdms[key].dissimilarities[0]
    return squareform(100 * (rankdata(values) - 0.5) / len(values))
