"""What a command line asks a scorecard for: rules or presets, a kind of network, and options of both."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from brainalign.errors import SpecError
from brainalign.plausibility.candidate import Candidate, candidates
from brainalign.plausibility.subject import probed_options
from brainalign.reproduction.presets import named_preset
from brainalign.specs import TrainSpec


class Asked(NamedTuple):
    """Rules, the network they are probed on, its options (None: as probes choose them), and its name for people."""

    rules: tuple[Candidate, ...]
    network: str
    network_options: Mapping[str, object] | None
    title: str


def asked(rules: Sequence[str], network: str | None, presets: Sequence[str], settings: Mapping[str, Any]) -> Asked:
    """Return what ``--rule``, ``--network``, ``--preset`` and ``--set`` mean together.

    Sizes of a preset's network stay behind (:func:`probed_options`); what is set by hand holds, sizes included.

    Raises
    ------
    SpecError
        If presets stand beside rules or a network, are of several networks, a setting is neither a rule's nor a
        network's, or options of a rule are set and there are several.

    Examples
    --------
    >>> found = asked(["predictive_coding"], "rnn", [], {"rule.feedback": "random", "network.blocks": "step"})
    >>> found.rules[0].label, found.title
    ('predictive_coding (feedback=random)', 'rnn, blocks=step')
    """
    specs = [named_preset(name).spec for name in presets]
    if specs and (rules or network):
        msg = f"--preset {presets[0]!r} says rule and network; leave --rule and --network out."
        raise SpecError(msg)
    own: dict[str, dict[str, Any]] = {"rule": {}, "network": {}}
    for key, value in settings.items():
        kind, _, option = key.partition(".")
        if kind not in own or not option:
            msg = f"Unknown setting {key!r} of a scorecard; expected rule.<option> or network.<option>."
            raise SpecError(msg)
        own[kind][option] = tuple(value) if isinstance(value, list) else value
    chosen = _of_presets(presets, specs) if specs else candidates(rules)
    if own["rule"] and len(chosen) > 1:
        msg = f"--set rule.{next(iter(own['rule']))} with {len(chosen)} rules; name one with --rule."
        raise SpecError(msg)
    if own["rule"]:
        chosen = [_with(one, own["rule"]) for one in chosen]
    kind = specs[0].network if specs else network or "mlp"
    shape = {**_structure(specs), **own["network"]}
    title = ", ".join([kind, *(f"{key}={_word(value)}" for key, value in shape.items())])
    return Asked(tuple(chosen), kind, shape or None, title)


def _of_presets(names: Sequence[str], specs: Sequence[TrainSpec]) -> list[Candidate]:
    return [
        Candidate(f"{spec.rule} ({name})", spec.rule, _items(spec.rule_options))
        for name, spec in zip(names, specs, strict=True)
    ]


def _structure(specs: Sequence[TrainSpec]) -> dict[str, object]:
    """Return what the one network of the presets is beside its sizes and beside what probes choose."""
    if not specs:
        return {}
    plain = probed_options(specs[0].network, {})
    found = []
    for spec in specs:
        own = probed_options(spec.network, spec.network_options, spec.objective)
        found.append({key: value for key, value in own.items() if plain.get(key) != value})
        if (spec.network, found[-1]) != (specs[0].network, found[0]):
            both = f"{specs[0].network} {found[0]} and {spec.network} {found[-1]}"
            msg = f"Presets of two networks, {both}; ask for one network at a time."
            raise SpecError(msg)
    return found[0]


def _with(one: Candidate, options: Mapping[str, Any]) -> Candidate:
    said = ", ".join(f"{key}={_word(value)}" for key, value in options.items())
    return Candidate(f"{one.label} ({said})", one.rule, _items({**dict(one.options), **options}))


def _items(options: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((key, tuple(value) if isinstance(value, list) else value) for key, value in options.items())


def _word(value: object) -> str:
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)
