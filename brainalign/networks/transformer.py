"""Vision transformer."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from brainalign.datasets.task import Task
from brainalign.errors import SpecError
from brainalign.networks.architecture import Architecture, choose
from brainalign.networks.block import Block, Initialiser
from brainalign.networks.network import Network
from brainalign.networks.patches import patch_grid, patches
from brainalign.networks.synapse import Synapse
from brainalign.networks.wiring import Wiring


@dataclass(frozen=True)
class Transformer(Architecture):
    """Patch embedding, pre-normalised encoder layers, mean over tokens and a linear ``readout``.

    Attention is built from linear synapses (query, key, value, output), so that a rule sees every weight.

    Parameters
    ----------
    width
        Features of a token.
    depth
        Encoder layers.
    heads
        Attention heads; divides ``width``.
    patch
        Side of a patch in pixels.
    expansion
        Hidden width of the token-wise network, in multiples of ``width``.
    blocks
        ``"layer"``: one block is an encoder layer; ``"sublayer"``: attention and token-wise network are blocks;
        ``"projection"``: so are the halves of both, so that no block holds one synapse behind another. Layers are
        called alike and show the same: ``layer1`` is what the first encoder layer hands on.
    """

    summary: ClassVar[str] = "ViT-style encoder; a block is a layer, a sub-layer or half of one"

    recommended: ClassVar[Mapping[str, Any]] = {"blocks": "sublayer"}  # a layer hides gradients through six synapses

    least: ClassVar[Mapping[str, int]] = {"width": 1, "depth": 1, "heads": 1, "patch": 1, "expansion": 1}

    width: int = 64
    depth: int = 2
    heads: int = 4
    patch: int = 4
    expansion: int = 2
    blocks: str = "layer"

    def build(self, task: Task) -> Network:
        """Return the network for ``task``."""
        choose("blocks", self.blocks, ("layer", "sublayer", "projection"))
        if self.width % self.heads:
            msg = f"Option heads is {self.heads}; expected a divisor of width {self.width}."
            raise SpecError(msg)
        n_tokens = patch_grid(task.input_shape, (self.patch, self.patch))
        embed = Synapse("embed", "linear", task.input_shape[0] * self.patch**2, self.width)
        chain: list[Block] = [_Embedding("embed", embed, self.patch, n_tokens)]
        for k in range(1, self.depth + 1):
            attention = _attention(f"layer{k}.attention", self.width, self.heads)
            tokenwise = _tokenwise(f"layer{k}.mlp", self.width, self.expansion)
            if self.blocks == "layer":
                chain.append(_EncoderLayer(f"layer{k}", (attention, tokenwise)))
            elif self.blocks == "sublayer":
                chain += [attention, tokenwise]
            else:
                chain += [attention.mixing, _Added(f"layer{k}.attention.output", attention.output, ())]
                chain += [tokenwise.expansion, _Added(f"layer{k}.mlp.down", tokenwise.down, tokenwise.layers)]
        chain.append(_Pooled("readout", Synapse("readout", "linear", self.width, task.n_outputs)))
        return Network("transformer", self.blocks, tuple(chain), task)


def _attention(name: str, width: int, heads: int) -> "_Attention":
    query, key, value = (Synapse(f"{name}.{part}", "linear", width, width) for part in ("query", "key", "value"))
    mixing = _Mixing(name=f"{name}.mixing", query=query, key=key, value=value, heads=heads, norm=f"{name}.norm")
    return _Attention(name, mixing, Synapse(f"{name}.output", "linear", width, width))


def _tokenwise(name: str, width: int, expansion: int) -> "_Tokenwise":
    up = Synapse(f"{name}.up", "linear", width, expansion * width, gain=sqrt(2))
    return _Tokenwise(
        name, _Expansion(f"{name}.up", up, f"{name}.norm"), Synapse(f"{name}.down", "linear", expansion * width, width)
    )


def _norm_extras(name: str, width: int) -> dict[str, Initialiser]:
    return {f"{name}.gain": lambda generator: torch.ones(width), f"{name}.offset": lambda generator: torch.zeros(width)}


def _token_norm(name: str, params: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """Normalise each token over its own features: nothing is shared between stimuli, so there is no state."""
    return F.layer_norm(x, x.shape[-1:]) * params[f"{name}.gain"] + params[f"{name}.offset"]


@dataclass(frozen=True)
class _Embedding(Block):
    name: str
    weight: Synapse
    patch: int
    n_tokens: int

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return (self.weight,)

    def extras(self) -> Mapping[str, Initialiser]:
        shape = (self.n_tokens, self.weight.n_out)
        return {f"{self.name}.position": lambda generator: 0.02 * torch.randn(shape, generator=generator)}

    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        tokens = patches(x, (self.patch, self.patch))
        return wiring.synapse(self.weight, params, tokens) + params[f"{self.name}.position"]


@dataclass(frozen=True)
class _Mixing(Block):
    """Attention up to its output synapse. It hands on ``[tokens, mixed values]``, since the tokens go around it."""

    name: str
    query: Synapse
    key: Synapse
    value: Synapse
    heads: int
    norm: str

    @property
    def layers(self) -> tuple[str, ...]:
        return ()

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return (self.query, self.key, self.value)

    def extras(self) -> Mapping[str, Initialiser]:
        return _norm_extras(self.norm, self.query.n_in)

    def mixed(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        """Return values of tokens ``(n, tokens, width)``, weighted by how well queries meet keys."""
        tokens = _token_norm(self.norm, params, x)
        query, key, value = (
            wiring.synapse(synapse, params, tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for synapse in (self.query, self.key, self.value)
        )
        weights = torch.softmax(query @ key.transpose(-1, -2) / sqrt(query.shape[-1]), dim=-1)
        return (weights @ value).transpose(1, 2).flatten(-2)

    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        return torch.cat([x, self.mixed(params, x, wiring)], dim=-1)

    def represent(self, x: Tensor) -> Tensor:
        return x[..., self.query.n_in :]


@dataclass(frozen=True)
class _Expansion(Block):
    """The hidden units of the token-wise network. It hands on ``[tokens, hidden]``."""

    name: str
    up: Synapse
    norm: str

    @property
    def layers(self) -> tuple[str, ...]:
        return ()

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return (self.up,)

    def extras(self) -> Mapping[str, Initialiser]:
        return _norm_extras(self.norm, self.up.n_in)

    def hidden(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        return F.gelu(wiring.synapse(self.up, params, _token_norm(self.norm, params, x)))

    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        return torch.cat([x, self.hidden(params, x, wiring)], dim=-1)

    def represent(self, x: Tensor) -> Tensor:
        return x[..., self.up.n_in :]


@dataclass(frozen=True)
class _Added(Block):
    """What one synapse adds to the tokens: the second half of a sub-layer."""

    name: str
    weight: Synapse
    ends: tuple[str, ...]

    @property
    def layers(self) -> tuple[str, ...]:
        return self.ends

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return (self.weight,)

    @property
    def affine(self) -> bool:
        return True

    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        tokens, inside = x.split((self.weight.n_out, self.weight.n_in), dim=-1)
        return tokens + wiring.synapse(self.weight, params, inside)


@dataclass(frozen=True)
class _Attention(Block):
    name: str
    mixing: _Mixing
    output: Synapse

    @property
    def layers(self) -> tuple[str, ...]:
        return ()  # the encoder layer ends with the token-wise network

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return (*self.mixing.synapses, self.output)

    def extras(self) -> Mapping[str, Initialiser]:
        return self.mixing.extras()

    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        return x + wiring.synapse(self.output, params, self.mixing.mixed(params, x, wiring))


@dataclass(frozen=True)
class _Tokenwise(Block):
    name: str
    expansion: _Expansion
    down: Synapse

    @property
    def layers(self) -> tuple[str, ...]:
        return (self.name.removesuffix(".mlp"),)

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return (*self.expansion.synapses, self.down)

    def extras(self) -> Mapping[str, Initialiser]:
        return self.expansion.extras()

    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        return x + wiring.synapse(self.down, params, self.expansion.hidden(params, x, wiring))


@dataclass(frozen=True)
class _EncoderLayer(Block):
    name: str
    parts: tuple[_Attention | _Tokenwise, ...]

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return tuple(synapse for part in self.parts for synapse in part.synapses)

    def extras(self) -> Mapping[str, Initialiser]:
        return {name: init for part in self.parts for name, init in part.extras().items()}

    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        for part in self.parts:
            x = part.forward(params, x, wiring)
        return x


@dataclass(frozen=True)
class _Pooled(Block):
    name: str
    weight: Synapse

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return (self.weight,)

    def extras(self) -> Mapping[str, Initialiser]:
        return _norm_extras(f"{self.name}.norm", self.weight.n_in)

    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        return wiring.synapse(self.weight, params, _token_norm(f"{self.name}.norm", params, x).mean(dim=1))
