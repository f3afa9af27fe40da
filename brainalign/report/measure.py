"""The name of a measure, taken apart for readers."""

from dataclasses import dataclass

from brainalign.report.style import unit_name, words

_PARTIAL = ("semipartial", "partial")
_DISSIMILARITIES = {
    "correlation": "correlation distance",
    "cosine": "cosine distance",
    "euclidean": "squared Euclidean distance",
    "": "a dissimilarity that the study did not store",
}
_KINDS = {"rsa": "RSA score", "encoding": "Encoding score"}


@dataclass(frozen=True)
class Measure:
    """Kind (``"rsa"``, ``"encoding"``), options that shape the score, its unit, and what is held constant and how."""

    kind: str
    options: tuple[str, ...]
    unit: str
    held: tuple[str, ...] = ()
    how: str = ""

    @classmethod
    def parse(cls, name: str) -> "Measure":
        """Take apart ``kind:option:...:comparator``, then ``|a+b`` or ``:semipartial:a+b``: what is held constant."""
        base, _, held = name.partition("|")
        how = "partial" if held else ""
        kind, *options = base.split(":")
        for word in _PARTIAL:
            if word in options:
                place = options.index(word)
                how, held = word, ":".join(options[place + 1 :])
                options = options[:place]
                break
        unit = unit_name(options[-1]) if options else ""
        return cls(kind, tuple(options[:-1]), unit, tuple(filter(None, held.split("+"))), how)


def dissimilarity_name(name: str) -> str:
    """Return a dissimilarity as what it is: ``"euclidean"`` is squared."""
    return _DISSIMILARITIES.get(name, words(name))


def measure_label(name: str) -> str:
    """Return a measure for titles and captions: what is scored, its unit, and what is held constant."""
    measure = Measure.parse(name)
    given = f" given {' and '.join(words(part) for part in measure.held)}" if measure.held else ""
    return _label(measure, given)


def axis_label(name: str) -> str:
    """Return a measure for an axis: what is scored and its unit."""
    return _label(Measure.parse(name), "")


def _label(measure: Measure, given: str) -> str:
    unit = " ".join(part for part in (measure.how, measure.unit) if part)
    kind = _KINDS.get(measure.kind, words(measure.kind))
    return f"{kind} ({unit}{given})" if unit else kind
