"""What can go wrong, said in one line: the value, what was expected, the remedy."""

from collections.abc import Iterable
from difflib import get_close_matches

#: A message longer than this loses its middle: what was given may be an array, and the remedy stands at the end.
_LONGEST, _KEPT = 2000, 700


class BrainalignError(Exception):
    """Base of every error the package raises on purpose; its message is one line, whatever it quotes.

    Examples
    --------
    >>> import brainalign as ba
    >>> try:
    ...     ba.recording("nowhere")
    ... except ba.BrainalignError as error:
    ...     print(str(error).split(". ")[0])
    Unknown recording 'nowhere'
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(_one_line(one) if isinstance(one, str) else one for one in args))


def _one_line(text: str) -> str:
    line = " ".join(text.split()) if "\n" in text else text
    return line if len(line) <= _LONGEST else f"{line[:_KEPT]} ... {line[-_KEPT:]}"


class SpecError(BrainalignError, ValueError):
    """A study, option or argument that cannot be run as written."""


class IncompatibleError(BrainalignError, ValueError):
    """A learning rule that cannot train a network, with the reason."""

    def __init__(self, rule: str, network: str, reason: str) -> None:
        super().__init__(f"Rule {rule!r} cannot train network {network!r}: {reason}")
        self.rule, self.network, self.reason = rule, network, reason


class StimulusMismatchError(BrainalignError, ValueError):
    """Two objects that do not hold the same stimuli."""


class ManifestError(BrainalignError, ValueError):
    """A data manifest that is malformed or unknown."""


class DataError(BrainalignError, OSError):
    """A data file that is missing, truncated or altered, or data that cannot be used."""


class LayerError(DataError):
    """A layer that no measure can score, with rule, network and role of its owner, and the step if not the last."""

    def __init__(self, message: str, rule: str, network: str, step: int | None, role: str = "trained") -> None:
        super().__init__(message)
        self.rule, self.network, self.step, self.role = rule, network, step, role


class DivergenceError(BrainalignError, ArithmeticError):
    """Training that produced numbers that are not finite, or whose loss grew beyond all bounds.

    ``rule``, ``network``, ``seed`` and ``step`` say where, as far as that is known.
    """

    def __init__(
        self, message: str = "", rule: str = "", network: str = "", seed: int | None = None, step: int | None = None
    ) -> None:
        super().__init__(message)
        self.rule, self.network, self.seed, self.step = rule, network, seed, step


class ExtractionError(BrainalignError, ValueError):
    """Activations that depend on batch, order or chance, or are not finite."""


class StorageError(BrainalignError, OSError):
    """A result that could not be written."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a sentence on the known name that is nearest to one, to follow a list of them; nothing if none is near.

    Examples
    --------
    >>> nearest("backpro", ["backprop", "hebbian"])
    " The nearest is 'backprop'."
    """
    near = get_close_matches(name, list(known), 1)
    return f" The nearest is {near[0]!r}." if near else ""
