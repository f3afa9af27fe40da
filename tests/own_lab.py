"""One algorithm of each kind, as a user writes them in a folder of their own."""

from collections.abc import Sequence
from pathlib import Path

RULE = '''
from dataclasses import dataclass
from brainalign.rules.backprop import Backprop
from ._shared import shrunk

@dataclass(frozen=True)
class SlowLearner(Backprop):
    """Backpropagation at a share of its pace."""
    pace: float = 0.5

    def step(self, network, params, state, batch, noise):
        step = super().step(network, params, state, batch, noise)
        return step._replace(updates=shrunk(step.updates, self.pace))
'''
SHARED = "def shrunk(updates, pace):\n    return {name: pace * update for name, update in updates.items()}\n"
NETWORK = '''
from dataclasses import dataclass, replace
from brainalign.networks.mlp import MLP

@dataclass(frozen=True)
class SlimNet(MLP):
    """A perceptron of eight units."""
    widths: tuple[int, ...] = (8,)

    def build(self, task):
        return replace(super().build(task), name="slim_net")
'''
DATASET = '''
from dataclasses import dataclass
from typing import ClassVar
from brainalign.datasets.dataset import Split
from brainalign.datasets.digits import Digits

@dataclass(frozen=True)
class Mirrored(Digits):
    """Digits in a mirror."""
    title: ClassVar[str] = "Mirrored digits"

    def train(self):
        return _turned(super().train())

    def test(self):
        return _turned(super().test())

def _turned(split):
    return Split(split.images[..., ::-1].copy(), split.labels, split.index)
'''
DISSIMILARITY = '''
from dataclasses import dataclass
from scipy.spatial.distance import pdist
from brainalign.dissimilarities.dissimilarity import Dissimilarity

@dataclass(frozen=True)
class CityBlock(Dissimilarity):
    """Sum of absolute differences."""

    def pairs(self, patterns, ids):
        return pdist(patterns, "cityblock"), 1e-12
'''
RECORDING = '''
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from brainalign.datasets.stimuli import Stimuli
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource

@dataclass(frozen=True)
class MyLab(RecordingSource):
    """Six people, twenty pictures, noise."""
    title: ClassVar[str] = "My lab"
    modality: ClassVar[str] = "EEG"
    citation: ClassVar[str] = "nobody"
    rois: ClassVar[tuple[str, ...]] = ("V1",)
    gain: float = 1.0

    def stimuli(self):
        pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)
        return Stimuli(tuple(f"s{k}" for k in range(20)), pixels, "My pictures", tuple("ab" * 10))

    def recordings(self):
        shown = self.stimuli().images.reshape(20, -1)
        draw = np.random.default_rng(1)
        return tuple(
            Recording(
                self.gain * (shown / 255 + draw.normal(size=(20, 64)))[:, :, None], self.stimuli().ids,
                tuple(f"c{k}" for k in range(64)), np.zeros(1), f"p{k}", "my_lab", "EEG", "uV",
                rois={"V1": np.ones(64, dtype=bool)},
            )
            for k in range(6)
        )
'''
PROBE = '''
from dataclasses import dataclass
from typing import ClassVar
from brainalign.plausibility.probe import Control, Measured, Probe

@dataclass(frozen=True)
class Stillness(Probe):
    """Share of weights that do not move."""
    code: ClassVar[str] = "MINE"
    title: ClassVar[str] = "stillness: share of weights without an update"
    limit: ClassVar[float] = 0.0
    passing: ClassVar[Control] = Control("backprop")
    failing: ClassVar[None] = None

    def measure(self, subject):
        moment = subject.moments()[0]
        step, _ = subject.watch(moment)
        return Measured((sum(name not in step.updates for name in moment.params) / len(moment.params),))
'''
MEASURE = '''
from dataclasses import dataclass
from brainalign.comparisons.rsa import RSA

@dataclass(frozen=True)
class MyMeasure(RSA):
    """RSA by another name."""
'''
CKA = '''
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from brainalign.comparisons.comparison import Comparison
from brainalign.comparisons.description import GEOMETRY, Description
from brainalign.comparisons.prepared import Prepared
from brainalign.resampling.left_out import units_of
from brainalign.resampling.pair_scores import group_ceilings
from brainalign.resampling.score_draws import ScoreDraws

@dataclass(frozen=True)
class CKA(Comparison):
    """Debiased linear CKA (Kornblith et al. 2019; kernels centred as by Song et al. 2012)."""
    name: ClassVar[str] = "cka"
    kind: ClassVar[str] = GEOMETRY
    word: ClassVar[str] = "CKA"
    of_trials: ClassVar[bool] = True

    def describe(self):
        return Description(
            "cka debiased", self.kind, "Linear CKA (debiased)", "Linear CKA (debiased)", "CKA",
            "Centred kernel alignment {citation} compared linear kernels of networks and responses.",
            "noise ceiling, the agreement of each subject's kernel with the mean kernel of the others and of all.",
            citation="Kornblith S, Norouzi M, Lee H, Hinton G (2019). Similarity of neural network representations "
            "revisited. ICML.",
        )

    @classmethod
    def of_study(cls, scoring):
        return (cls(),)

    def score(self, features, responses):
        return float(centred(kernel(features)) @ centred(kernel(responses.rows(features.stimulus_ids))))

    def layer(self, features):
        return features.stimulus_ids, kernel(features.values)

    def prepare(self, brain, roi, controls):
        return tuple(
            Prepared(
                tuple(one.subject for one in part), part[0].times, ids, 0, None, brain.groups_of(ids),
                np.stack([kernels(one.means(ids, roi=roi)) for one in part]),
            )
            for part, ids in brain.parts
        )

    def draws(self, layers, prepared, samples):
        units, _ = units_of(prepared.groups, len(prepared.stimulus_ids))
        rows = [[ids.index(one) for one in prepared.stimulus_ids] for ids, _ in layers]
        models = np.stack([kernel[np.ix_(at, at)] for at, (_, kernel) in zip(rows, layers)])
        left_out = range(units.max() + 1) if samples.kind != "none" else ()
        for k in range(len(prepared.times)):
            scores, grams = [], []
            for kept in (units == units, *(units != unit for unit in left_out)):
                ours, theirs = (centred(one[:, kept][:, :, kept]) for one in (models, prepared.content[:, k]))
                scores.append(ours @ theirs.T)
                grams.append(theirs @ theirs.T)
            ceilings = group_ceilings(np.stack(grams)) if len(prepared.subjects) > 1 else None
            without = np.stack(scores)[1:]
            yield ScoreDraws.without_each(scores[0], without, units, 1, ceilings)

def kernel(patterns):
    patterns = np.asarray(getattr(patterns, "values", patterns), dtype=np.float64)
    return patterns @ patterns.T

def kernels(responses):
    return np.stack([kernel(responses[:, :, k]) for k in range(responses.shape[2])])

def centred(kernels):
    """The pairs of kernels without their diagonals, centred without bias, of unit length."""
    n = kernels.shape[-1]
    off = kernels * (1 - np.eye(n))
    sums = off.sum(axis=-1)
    off = off - (sums[..., :, None] + sums[..., None, :]) / (n - 2)
    pairs = (off + sums.sum(axis=-1)[..., None, None] / ((n - 1) * (n - 2)))[..., *np.triu_indices(n, 1)]
    return pairs / np.linalg.norm(pairs, axis=-1, keepdims=True)
'''
FILES = {
    "rules/slow_learner.py": RULE,
    "rules/_shared.py": SHARED,
    "networks/slim_net.py": NETWORK,
    "datasets/mirrored.py": DATASET,
    "dissimilarities/city_block.py": DISSIMILARITY,
    "recordings/my_lab.py": RECORDING,
    "plausibility/probes/stillness.py": PROBE,
    "comparisons/my_measure.py": MEASURE,
    "comparisons/cka.py": CKA,
}


def write_lab(folder: Path, names: Sequence[str] = tuple(FILES), **changes: str) -> Path:
    """Write files of the lab, some of them with another text, named by their stem; return the folder."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(changes.get(Path(name).stem, FILES[name]), encoding="utf-8")
    return folder
