"""Networks and brains made of random numbers, small enough that aligning them takes milliseconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from brainalign.activations import Activations
from brainalign.alignment.instance import Instance
from brainalign.datasets.stimuli import Stimuli
from brainalign.rdms import RDMs, compute_rdms
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource

N_LATENT = 6

#: How much of what the brain shows a layer of each rule shows.
GAIN = {"untrained": 0.2, "feedback_alignment": 0.6, "backprop": 1.5}


@dataclass(frozen=True, eq=False)
class MadeUp(RecordingSource):
    """Stimuli, the RDMs of subjects by ROI, and perhaps trials."""

    shown: Stimuli | None = None
    geometry: Mapping[str, RDMs] = field(default_factory=dict)
    trials: tuple[Recording, ...] = ()
    title = "Made-up brain"
    modality = "made up"
    citation = "nobody"

    @property
    def rois(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(self.geometry)

    def stimuli(self) -> Stimuli:
        assert self.shown is not None
        return self.shown

    def published_rdms(self, roi: str) -> RDMs:
        return self.geometry[roi]

    def recordings(self) -> tuple[Recording, ...]:
        return self.trials


@dataclass(frozen=True)
class World:
    """Sizes of a world; ``signal = False`` makes brains that nothing explains."""

    n_stimuli: int = 24
    n_subjects: int = 7
    n_seeds: int = 3
    rules: tuple[str, ...] = ("untrained", "feedback_alignment", "backprop")
    networks: tuple[str, ...] = ("mlp",)
    layers: tuple[str, ...] = ("hidden1", "hidden2")
    rois: tuple[str, ...] = ("V1",)
    signal: bool = True
    n_channels: int = 0
    seed: int = 0

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(f"stimulus {k}" for k in range(self.n_stimuli))

    def _latent(self) -> np.ndarray:
        return np.random.default_rng(self.seed).standard_normal((self.n_stimuli, N_LATENT))

    def source(self) -> MadeUp:
        rng = np.random.default_rng(self.seed + 1)
        latent = self._latent() if self.signal else rng.standard_normal((self.n_stimuli, N_LATENT))
        geometry = {}
        for roi in self.rois:
            noisy = latent + 0.7 * rng.standard_normal((self.n_subjects, *latent.shape))
            names = tuple(f"s{k + 1}" for k in range(self.n_subjects))
            geometry[roi] = compute_rdms(noisy, self.ids, "correlation", {"subject": names}, sets=True)
        images = rng.integers(0, 256, (self.n_stimuli, 8, 8, 1)).astype(np.uint8)
        return MadeUp(None, Stimuli(self.ids, images, "made up"), geometry, self._trials(latent, rng))

    def _trials(self, latent: np.ndarray, rng: np.random.Generator) -> tuple[Recording, ...]:
        if not self.n_channels:
            return ()
        found = []
        for k in range(self.n_subjects):
            clean = latent @ rng.standard_normal((N_LATENT, self.n_channels))
            data = np.tile(clean, (3, 1)) + 1.0 * rng.standard_normal((3 * self.n_stimuli, self.n_channels))
            found.append(
                Recording(
                    data=data[:, :, None],
                    stimulus_ids=self.ids * 3,
                    channels=tuple(f"c{c}" for c in range(self.n_channels)),
                    times=(0.0,),
                    subject=f"s{k + 1}",
                    dataset="made_up",
                    modality="made up",
                    unit="arbitrary",
                    rois={roi: np.ones(self.n_channels, dtype=bool) for roi in self.rois},
                )
            )
        return tuple(found)

    def instances(self, step: int = 10, final: bool = True, progress: float = 1.0) -> list[Instance]:
        """Return one instance per network, rule and seed; ``progress`` is how much of its gain a rule has reached."""
        latent, found = self._latent(), []
        for n, network in enumerate(self.networks):
            for rule in self.rules:
                for seed in range(self.n_seeds):
                    rng = np.random.default_rng([self.seed, n, seed])  # rules share the initialisation of a seed
                    layers = {}
                    for depth, layer in enumerate(self.layers, start=1):
                        mixture, noise = rng.standard_normal((N_LATENT, 30)), rng.standard_normal((self.n_stimuli, 30))
                        gain = GAIN[rule] * (progress if rule != "untrained" else 1.0) * depth
                        layers[layer] = (gain * latent @ mixture / 2 + 2 * noise).astype(np.float32)
                    shown = Activations(layers, self.ids, f"{network}-{rule}-{seed}-{step}")
                    role = "untrained" if rule == "untrained" else "trained"
                    found.append(Instance(rule, network, seed, step, step / 10, final, shown, (16, 16), role))
        return found


def relabelled(source: MadeUp, instances: Sequence[Instance], new: Mapping[str, str]) -> tuple[MadeUp, list[Instance]]:
    """Give every stimulus another name, in networks and brains alike; nothing moves."""

    def names(ids: Sequence[str]) -> tuple[str, ...]:
        return tuple(new[one] for one in ids)

    stimuli = source.stimuli()
    renamed = replace(
        source,
        shown=replace(stimuli, ids=names(stimuli.ids)),
        geometry={roi: replace(rdms, stimulus_ids=names(rdms.stimulus_ids)) for roi, rdms in source.geometry.items()},
        trials=tuple(replace(one, stimulus_ids=names(one.stimulus_ids)) for one in source.trials),
    )
    shown = [
        replace(one, activations=replace(one.activations, stimulus_ids=names(one.activations.stimulus_ids)))
        for one in instances
    ]
    return renamed, shown


def reordered(instances: Sequence[Instance], ids: Sequence[str]) -> list[Instance]:
    """Give the networks' stimuli another order, their ids with them."""
    return [replace(one, activations=one.activations.subset(ids)) for one in instances]
