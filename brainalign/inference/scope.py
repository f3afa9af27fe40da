"""What a claim generalises to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from brainalign.errors import SpecError

MIN_SUBJECTS = 6
MIN_STIMULI = 10
MIN_RANDOM_STIMULI = 20
MIN_SEEDS = 3


@dataclass(frozen=True)
class Scope:
    """Which factors are random (the claim extends to new ones) and which fixed (it holds for these only).

    Parameters
    ----------
    subjects, stimuli, seeds
        ``"random"`` or ``"fixed"``.

    Raises
    ------
    SpecError
        If a value is neither.
    """

    subjects: str = "random"
    stimuli: str = "random"
    seeds: str = "random"

    def __post_init__(self) -> None:
        for factor, value in asdict(self).items():
            if value not in ("random", "fixed"):
                msg = f"scope {factor} = {value!r}, expected 'random' or 'fixed'."
                raise SpecError(msg)

    @property
    def brains_fixed(self) -> bool:
        """Whether neither subjects nor stimuli are random, so that the noise of the measurement is in no factor."""
        return self.subjects == self.stimuli == "fixed"

    @property
    def sentence(self) -> str:
        """One sentence for captions."""
        names = {"subjects": "subjects", "stimuli": "stimuli", "seeds": "network initialisations"}
        values = asdict(self)
        random = [names[factor] for factor in names if values[factor] == "random"]
        fixed = [names[factor] for factor in names if values[factor] == "fixed"]
        if not random:
            return (
                "Nothing was treated as random: no inference beyond these subjects, stimuli and network"
                " initialisations."
            )
        sentence = f"Inference extends to new {_join(random)}"
        return f"{sentence}; it holds for these {_join(fixed)} only." if fixed else f"{sentence}."


def resolve_scope(requested: Mapping[str, str] | Scope | None, n_subjects: int, n_stimuli: int, n_seeds: int) -> Scope:
    """Return the scope that the sample can support: an unsupported ``"random"`` becomes ``"fixed"``.

    Subjects need 6 (gate G1: a sign-flip test of 5 cannot reach p < .05), stimuli 20 (G2), seeds 3 (G3).

    Parameters
    ----------
    requested
        Factors declared by the study, e.g. ``{"subjects": "fixed"}``; the others are random if they can be.
    n_subjects, n_stimuli, n_seeds
        Sizes; ``n_stimuli`` counts clusters when clusters are resampled, ``n_seeds`` is the smallest of any
        rule.

    Raises
    ------
    SpecError
        With fewer than 10 stimuli, with an unknown factor or value, or if subjects were declared random but
        there is one.
    """
    declared = asdict(requested) if isinstance(requested, Scope) else dict(requested or {})
    unknown = sorted(set(declared) - {"subjects", "stimuli", "seeds"})
    if unknown:
        msg = f"Unknown factor {unknown[0]!r} of scope. Choose among: subjects, stimuli, seeds."
        raise SpecError(msg)
    wanted = Scope(**declared)
    if n_stimuli < MIN_STIMULI:
        msg = (
            f"{n_stimuli} stimuli are too few for any test, expected at least {MIN_STIMULI}. Use a recording with"
            " more stimuli."
        )
        raise SpecError(msg)
    if n_subjects == 1 and declared.get("subjects") == "random":
        msg = '1 subject cannot be a random sample of subjects. Set subjects = "fixed" or add subjects (6 or more).'
        raise SpecError(msg)
    return Scope(
        subjects=wanted.subjects if n_subjects >= MIN_SUBJECTS else "fixed",
        stimuli=wanted.stimuli if n_stimuli >= MIN_RANDOM_STIMULI else "fixed",
        seeds=wanted.seeds if n_seeds >= MIN_SEEDS else "fixed",
    )


def _join(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
