"""What is scored: layers of untrained networks against every recording.

The inputs are stored, in half precision, so that golden values do not depend on how a machine rounds a forward pass.
``python -m tests.golden.write`` made inputs and values once, before the brain side changed; it overwrites nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from brainalign.activations import Activations, extract
from brainalign.alignment.align import align
from brainalign.alignment.instance import Instance
from brainalign.comparisons.rsa import RSA
from brainalign.datasets.dataset import dataset
from brainalign.datasets.preprocessing import Preprocessing
from brainalign.datasets.stimuli import Stimuli
from brainalign.inference.scope import Scope
from brainalign.inference.variance import score_variance
from brainalign.networks.architecture import architecture
from brainalign.randomness import stream
from brainalign.rdms import RDMs
from brainalign.recordings.brain import Brain
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource, recording_source
from brainalign.resampling.samples import Samples
from brainalign.rules.learning_rule import learning_rule
from brainalign.specs import RecordingSpec, ScoringSpec, TrainSpec
from brainalign.storage import read_tensors
from brainalign.training.checkpoint import Checkpoint, stack

FOLDER = Path(__file__).parent
INPUTS = FOLDER / "inputs.safetensors"

RULES = ("untrained", "feedback_alignment", "backprop")
SEEDS = (0, 1, 2)
WIDTHS = (12, 8)
LAYERS = ("hidden1", "hidden2", "readout")
RESOLUTION = (32, 32)
N_BOOTSTRAP = 100

COMPARATORS = ("spearman", "corr", "cosine", "rho-a")


@dataclass(frozen=True)
class Case:
    """One recording with the options that are scored."""

    dataset: str
    options: Mapping[str, str] = field(default_factory=dict)
    measures: tuple[str, ...] = ("rsa",)
    subjects: str = "fixed"
    comparators: tuple[str, ...] = ("spearman",)
    partial: tuple[str, ...] = ()
    low_level: bool = True

    @property
    def name(self) -> str:
        return "_".join([self.dataset, *self.options.values()])


CASES = (
    Case("cichy92", subjects="random", comparators=COMPARATORS, partial=("pixels", "luminance")),
    Case("kriegeskorte92", comparators=("spearman", "corr")),
    Case("macaque_v4", {"session": "210325"}, ("rsa", "encoding"), low_level=False),
    Case("macaque_v4", {"session": "201025"}, ("rsa", "encoding"), comparators=("corr",), low_level=False),
    Case("simulated", measures=("rsa", "encoding"), subjects="random", comparators=("spearman", "corr")),
)


@dataclass(frozen=True)
class StoredSimulation(RecordingSource):
    """The trials of a simulated recording, as they were drawn once: they depend on a trained network."""

    title = "SIMULATED brain"
    modality = "simulated"
    citation = "simulated with brainalign; no brain was recorded"
    rois = ("planted",)
    simulated = True

    @property
    def label(self) -> str:
        return "simulated"

    def stimuli(self) -> Stimuli:
        return dataset("digits", self.data_dir).test_stimuli(24, 1000)

    def recordings(self) -> tuple[Recording, ...]:
        trials = read_tensors(INPUTS)[0]["simulated"].numpy()
        n_channels = trials.shape[2]
        return tuple(
            Recording(
                data=own[:, :, None],
                stimulus_ids=self.stimuli().ids * 2,
                channels=tuple(f"channel {k + 1}" for k in range(n_channels)),
                times=(0.0,),
                subject=f"simulated {subject + 1}",
                dataset="simulated",
                modality="simulated",
                unit="arbitrary",
                rois={"planted": np.ones(n_channels, dtype=bool)},
                simulated=True,
            )
            for subject, own in enumerate(trials)
        )

    def published_rdms(self, roi: str) -> RDMs:
        from brainalign.rdms import compute_rdms, concatenate

        return concatenate(
            [
                compute_rdms(
                    one.average(roi)[1][:, :, 0], one.average(roi)[0], "correlation", {"subject": (one.subject,)}
                )
                for one in self.recordings()
            ]
        )


def source_of(case: Case, data_dir: str) -> RecordingSource:
    if case.dataset == "simulated":
        return StoredSimulation(data_dir)
    return recording_source(case.dataset, {"data_dir": data_dir, **case.options})


def untrained_layers(stimuli: Stimuli) -> dict[str, np.ndarray]:
    """Return ``(n_stimuli, n_units)`` by rule, seed and layer, of networks that no rule has trained."""
    found = {}
    channels = stimuli.images.shape[-1]
    task = replace(dataset("digits").task(64), input_shape=(channels, *RESOLUTION))
    shape = architecture("mlp", {"widths": WIDTHS, "activation": "elu"}).build(task)
    shown = Preprocessing(channels, RESOLUTION, (0.5,) * channels, (0.25,) * channels)
    for number, rule in enumerate(RULES):
        spec = TrainSpec(rule, "mlp", "digits", network_options={"widths": WIDTHS}, seeds=SEEDS)
        params = [shape.init(stream(100 * number + seed, "init")) for seed in SEEDS]
        state = stack([shape.init_state() for _ in SEEDS])
        population = Checkpoint(spec, shape, learning_rule(rule), shown, stack(params), state, 1, 1.0)
        for seed, own in zip(SEEDS, extract(population, stimuli), strict=True):
            found |= {f"{rule}/{seed}/{layer}": own.layers[layer] for layer in LAYERS}
    return found


def instances(stimuli: Stimuli, stored: str) -> list[Instance]:
    """Return the stored layers as networks under ``stimuli``."""
    tensors, facts = read_tensors(INPUTS)
    found = []
    for rule in RULES:
        for seed in SEEDS:
            layers = {layer: tensors[f"{stored}/{rule}/{seed}/{layer}"].float().numpy() for layer in LAYERS}
            shown = Activations(layers, tuple(facts[stored]), f"{stored}/{rule}/{seed}").subset(stimuli.ids)
            role = "untrained" if rule == "untrained" else "trained"
            found.append(Instance(rule, "mlp", seed, 1, 1.0, True, shown, RESOLUTION, role))
    return found


def stored_name(case: Case) -> str:
    """Return the name of the stimulus set: two recordings share the 92 photographs."""
    return "objects92" if case.dataset in ("cichy92", "kriegeskorte92") else case.name


def compute(case: Case, data_dir: str) -> dict[str, pd.DataFrame]:
    """Return the tables of a case: scores, contrasts, ranks, gates, draws and variances."""
    source = source_of(case, data_dir)
    shown = instances(source.stimuli(), stored_name(case))
    spec = RecordingSpec(case.dataset, options=case.options, subjects=case.subjects, measures=case.measures)
    tables: dict[str, list[pd.DataFrame]] = {}
    for comparator in case.comparators:
        first = comparator == case.comparators[0]
        partial = case.partial if first else ()
        scoring = ScoringSpec(comparator=comparator, partial=partial, low_level=case.low_level, n_bootstrap=N_BOOTSTRAP)
        asked = spec if first else replace(spec, measures=("rsa",))
        found = align(shown, source, asked, scoring)
        for name in ("scores", "contrasts", "ranks", "gates"):
            tables.setdefault(name, []).append(getattr(found, name))
        for roi in source.rois:
            measure = RSA(comparator=comparator)
            prepared = measure.prepare(Brain(source, spec), roi, {})[0]
            layers = [measure.layer(one.activations.patterns(layer)) for one in shown for layer in LAYERS]
            draws = next(iter(measure.draws(layers, prepared, Samples("bootstrap", N_BOOTSTRAP, 0))))
            tables.setdefault("draws", []).append(_draws(draws, roi, comparator))
            tables.setdefault("variances", []).append(_variances(draws, roi, comparator))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}


def _draws(draws, roi: str, comparator: str) -> pd.DataFrame:
    """Return the first and the last draw of every model and subject, with the ceilings of these draws."""
    rows = []
    for draw in (0, draws.n_draws - 1):
        for subject in range(draws.n_subjects):
            place = {"roi": roi, "comparator": comparator, "draw": draw, "subject": subject}
            rows += [{**place, "model": str(m), "value": draws.draws[draw, m, subject]} for m in range(draws.n_models)]
            if draws.ceiling_lower is not None:
                rows.append({**place, "model": "lower", "value": draws.ceiling_lower[draw, subject]})
                rows.append({**place, "model": "upper", "value": draws.ceiling_upper[draw, subject]})
    return pd.DataFrame(rows)


def _variances(draws, roi: str, comparator: str) -> pd.DataFrame:
    rows = []
    for model in range(draws.n_models):
        for subjects in ("random", "fixed"):
            if subjects == "random" and draws.n_subjects < 2:
                continue
            found = score_variance(
                draws.observed[model], draws.draws[:, model], Scope(subjects, "random", "random"), draws.n_units
            )
            place = {"roi": roi, "comparator": comparator, "model": model, "subjects": subjects}
            parts = {"total": found.total, "by_subjects": found.subjects, "by_stimuli": found.stimuli, "dof": found.dof}
            rows += [{**place, "part": name, "value": value} for name, value in parts.items()]
    return pd.DataFrame(rows)


def half(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float16))
