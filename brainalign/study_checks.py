"""What is refused of a study before anything is trained."""

from collections.abc import Mapping, Sequence

import torch

from brainalign.alignment.align import check_recording
from brainalign.alignment.cluster_table import check_clusters
from brainalign.alignment.families import check_margins, check_ranked_rois
from brainalign.alignment.score import check_scoring_is_used, measures_of
from brainalign.alignment.time_generalisation import check_time_generalisation
from brainalign.comparisons.comparators import check_comparator
from brainalign.comparisons.encoding import Encoding
from brainalign.datasets.dataset import dataset
from brainalign.dissimilarities.dissimilarity import dissimilarity
from brainalign.errors import SpecError
from brainalign.networks.architecture import architecture
from brainalign.networks.network import Network
from brainalign.randomness import stream
from brainalign.recordings.brain import Brain
from brainalign.rules.learning_rule import LearningRule, learning_rule
from brainalign.specs import StudySpec, TrainSpec


def check_study(spec: StudySpec, brains: Sequence[Brain], data_dir: str | None = None) -> None:
    """Refuse what cannot work.

    Parameters
    ----------
    spec
        The study.
    brains
        Its recordings, in order.
    data_dir
        Folder of data.

    Raises
    ------
    BrainalignError
        In one line: an unknown name or option, a rule that cannot train its network, a recording that cannot support
        the study, a planted network among the candidates, a ranking layer of a ROI or layer that there is not.
    """
    scoring = spec.scoring
    of_layers = dissimilarity(scoring.dissimilarity)
    if of_layers.needs != "means":
        raise of_layers.without_trials()
    check_comparator(scoring.comparator)
    asked = [(brain, measure) for brain in brains for measure in measures_of(brain.spec, scoring)]
    labels = [measure.label for _, measure in asked]
    check_margins(scoring.equivalence, labels)
    used = [brain.spec.measures for brain in brains] + [(Encoding.name,)] * scoring.time_generalisation
    check_scoring_is_used(scoring, [brain.spec for brain in brains])
    unused = set(scoring.options).difference(*used)
    if unused:
        msg = (
            f"Options of measure {min(unused)!r} are given, but no recording of the study asks for it; add it to "
            "measures, or leave them out."
        )
        raise SpecError(msg)
    networks = {(one.rule, one.network): _network(one, data_dir) for one in spec.populations}
    seeds = {seed for population in spec.populations for seed in population.seeds}
    for brain in brains:
        check_recording(brain, min(len(p.seeds) for p in spec.populations))
        planted = getattr(brain.source, "seed", None) if brain.source.simulated else None
        if planted in seeds:
            msg = (
                f"Seed {planted} of the planted network is among those of the study ({sorted(seeds)}); a candidate "
                "would be compared with itself. Give the recording another seed."
            )
            raise SpecError(msg)
    for brain, measure in asked:
        measure.check(brain)
    check_clusters(scoring.clusters, brains)
    check_time_generalisation(scoring, brains)
    if scoring.ranking_layer:
        _check_ranking_layers(
            scoring.ranking_layer,
            [roi for one in brains for roi in (*one.source.rois, *one.rois)],
            _layers(spec.populations, networks),
        )


def _network(population: TrainSpec, data_dir: str | None) -> Network:
    task = dataset(population.dataset, data_dir).task(1, population.objective)
    network = architecture(population.network, dict(population.network_options)).build(task)
    learning_rule(population.rule, dict(population.rule_options)).check(network)
    return network


def _check_ranking_layers(declared: Mapping[str, object], places: Sequence[str], layers: Sequence[str]) -> None:
    check_ranked_rois(declared, places)
    for roi, layer in declared.items():
        if layer not in layers:
            msg = f"Ranking layer {layer!r} of ROI {roi!r} is in no network. Choose among: {', '.join(layers)}."
            raise SpecError(msg)


def _layers(populations: Sequence[TrainSpec], networks: Mapping[tuple[str, str], Network]) -> list[str]:
    """Return the layers that the networks will answer with, which a rule may name its own way."""
    found: dict[str, None] = {}
    for one in populations:
        rule, network = learning_rule(one.rule, dict(one.rule_options)), networks[one.rule, one.network]
        if type(rule).respond is LearningRule.respond:
            found |= dict.fromkeys(network.layers)
            continue
        params = network.init(stream(0, "init"))
        state = {**network.init_state(), **rule.init(network, params, stream(0, "rule"))}
        with torch.no_grad():
            found |= dict.fromkeys(rule.respond(network, params, state, torch.rand(2, *network.task.input_shape)))
    return list(found)
