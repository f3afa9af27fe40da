"""Networks shown stimuli: what their layers do, checked to be a function of each stimulus alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from brainalign.asked_for import asked_for
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import ExtractionError, SpecError
from brainalign.extraction.activations import Activations
from brainalign.extraction.origin import Origin
from brainalign.extraction.population import activations_of, answers_its_own_way, extract_each, of_population
from brainalign.extraction.projection import Projection
from brainalign.extraction.shown import Shown
from brainalign.extraction.shown_layers import Showing, layers_of_module
from brainalign.options import require_text
from brainalign.roles import MODEL, OWN_START, UNTRAINED
from brainalign.training.checkpoint import Checkpoint, load_checkpoint
from brainalign.training.train import Trained

__all__ = ["Activations", "Model", "Shown", "extract", "extract_each", "show"]

#: What a model may be: a module, a population, several seeds, or several of these by name.
Model = nn.Module | Checkpoint | Trained | Sequence[nn.Module] | Mapping[str, Any]


def show(
    model: Model,
    stimuli: Stimuli,
    transform: Any = None,
    layers: str | Sequence[str] | Mapping[str, str] | None = None,
    batch_size: int = 128,
    device: str = "cpu",
    *,
    pool: str = "none",
    name: str = "",
    group: str = "",
    seed: int | None = None,
    role: str = "",
    projection: Projection | None = None,
    folder: str | Path | None = None,
) -> Shown:
    """Show stimuli to networks: any torch module, several, or populations that were trained here.

    Before anything is kept, a few stimuli are shown again alone, in another order and a second time; a layer
    in which the answer of any unit changes by more than rounding explains (batch normalisation left in training mode,
    dropout, a hidden state) is refused.

    Parameters
    ----------
    model
        A :class:`torch.nn.Module` of half, single or double precision that maps images to tensors, or to tuples, lists,
        mappings or dataclasses of these; it is put in evaluation mode for the duration and returned as it was. A list
        of modules is one network with seeds 0, 1, ...; a population (what :func:`train` returned, or a checkpoint)
        is all its seeds; a mapping is several of these by name.
    stimuli
        What to show, ``(n_stimuli, height, width, channels)``.
    transform
        From pictures to inputs: a :class:`Preprocessing`, a function from a ``PIL.Image`` to ``(channels, rows,
        columns)``, ``"imagenet"``, or ``"pixels"`` (0 to 1, as they are). A population brings its own, and takes
        a :class:`Preprocessing` only; a module needs one.
    layers
        Layers to keep: names, patterns (``"layer*"``: ``*`` stands for any text without a dot, ``**`` for any text), or
        a mapping from names of yours to those of the network, so that networks with other names can be compared.
        Default: all of a population, and all modules without children of a module. A module that is called several
        times has one entry per call, ``relu``, ``relu_1``, ...: its name asks for all, ``relu_1`` for the second; one
        that returns several tensors has one for each, ``lstm:0``. ``output`` is what a module returns.
    batch_size
        Stimuli per pass; it does not change the result.
    device
        Where to compute, ``"cpu"`` or ``"cuda"``.
    pool
        ``"none"`` keeps all features; ``"mean"`` and ``"max"`` keep one number for each channel, over space where a
        layer is ``(n, channels, rows, columns)``, over tokens where it is ``(n, tokens, channels)``.
    name
        What tables call the network; default: its class, or the learning rule of a population.
    group
        Networks are compared within their group; default: ``"models"``, or the architecture of a population.
    seed
        Of one module; networks that differ only in their seed have one name, and are one network with its spread.
    role
        ``"model"``, or ``"untrained"`` for networks that stand for the untrained control of their group.
    projection
        How layers that are wider are projected; part of the key.
    folder
        Where layers are written as they come, one file each, when they are too large to be held; activations then read
        them from there, block by block. Files are named after the key; what is there under that name is written over.

    Returns
    -------
    Shown
        One :class:`Activations` for each network and seed.

    Raises
    ------
    ExtractionError
        If an activation is not finite or depends on batch, order or chance, if the network cannot read the inputs,
        or if a layer is unknown, never runs, or is no tensor with the stimuli on its first axis.
    SpecError
        If an option does not go with the model.

    Examples
    --------
    >>> import brainalign as ba, torch
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    >>> pictures = ba.dataset("digits").test_stimuli(8, seed=0)
    >>> shown = ba.show(net, pictures, "pixels", layers=["0", "3"], pool="mean", name="mine")
    >>> {layer: values.shape for layer, values in shown[0].layers.items()}
    {'0': (8, 4), '3': (8, 10)}
    >>> seeds = ba.show([net, net], pictures, lambda picture: torch.ones(1, 8, 8), {"last": "3"}, name="two")
    >>> print(shown + seeds)
    2 networks under 8 stimuli
      mine: 1 seed, group models, layers 0, 3
      two: 2 seeds, group models, layers last
    """

    def each(one: Any, own: str, number: int | None) -> Shown:
        return show(
            one,
            stimuli,
            transform,
            layers,
            batch_size,
            device,
            pool=pool,
            name=own,
            group=group,
            seed=number,
            role=role,
            projection=projection,
            folder=folder,
        )

    require_text("show()", name=name, group=group, role=role)
    asked = asked_for(layers, "show(): layers")
    if isinstance(model, Mapping):
        asked_for(model, "show(): the mapping of networks")
        _refuse("a mapping gives names itself", name=name, seed=seed)
        return Shown(one for own, part in model.items() for one in each(part, own, None))
    if isinstance(model, (list, tuple)):
        _refuse("a list of modules has seeds 0, 1, ...", seed=seed)
        _check_modules(model)
        return Shown(one for k, part in enumerate(model) for one in each(part, name, k))
    shown = model.checkpoint if isinstance(model, Trained) else model
    showing = Showing.checked(shown, stimuli, transform, asked, pool, batch_size, device, projection, folder)
    if isinstance(shown, Checkpoint):
        _refuse("a population has seeds and a role", seed=seed, role=role)
        return _with_start(shown, model.files if isinstance(model, Trained) else (), stimuli, showing, name, group)
    found = layers_of_module(shown, stimuli, showing)  # type: ignore[arg-type]  # checked above
    who = name or type(shown).__name__
    origin = Origin(
        name=who, group=group or "models", seed=seed or 0, role=_role(role), resolution=showing.inputs.resolution
    )
    return Shown([activations_of(found, stimuli, origin)])


#: The name of :func:`show` in earlier versions.
extract = show


def _with_start(
    last: Checkpoint, files: Sequence[Path], stimuli: Stimuli, showing: Showing, name: str, group: str
) -> Shown:
    """Return a population, and the same before its first step where no other networks are its untrained control."""
    if not (last.rule.learns and answers_its_own_way(last)):
        return Shown(of_population(last, stimuli, showing, name, group))
    found = Shown(of_population(last, stimuli, showing, name, group, OWN_START))
    if not files:
        return found
    before = of_population(load_checkpoint(files[0]), stimuli, showing, name, group)
    return found + Shown(replace(one, origin=replace(one.origin, role=OWN_START)) for one in before)


def _refuse(why: str, **options: Any) -> None:
    """Raise :class:`SpecError` if an option is given that the model answers itself."""
    for option, value in options.items():
        if value not in (None, ""):
            msg = f"show() got {option} = {value!r}, but {why}; leave it out."
            raise SpecError(msg)


def _check_modules(models: Sequence[Any]) -> None:
    wrong = [one for one in models if not isinstance(one, nn.Module)]
    if wrong or not models:
        what = f"a {type(wrong[0]).__name__} among its models" if wrong else "an empty list"
        msg = f"show() got {what}; expected torch modules, the seeds of one network. Give several by name: a mapping."
        raise ExtractionError(msg)


def _role(role: str) -> str:
    if role not in ("", MODEL, UNTRAINED):
        msg = f"role is {role!r}; expected {MODEL!r} or {UNTRAINED!r}."
        raise SpecError(msg)
    return role or MODEL
