"""Reward-modulated spike-timing-dependent plasticity in deep and convolutional networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.func import vjp

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.credit.layer_presentation import LayerPresentation
from brainalign.credit.objective import output_error, output_metrics
from brainalign.credit.spike_trains import time_steps
from brainalign.credit.spiking_chain import SpikingChain
from brainalign.credit.stdp_window import STDPWindow
from brainalign.credit.step import Step
from brainalign.credit.synaptic import synaptic_update
from brainalign.networks.architecture import choose
from brainalign.networks.block import Block
from brainalign.networks.network import Network, Params
from brainalign.options import Needs, require_not_negative, require_positive, require_steps
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_LV = "Lv et al. 2025, ICML (arXiv 2501.09976)"
_BSD = "BSD 2026, ICLR (arXiv 2509.20284), table of methods and criteria as notes on the paper give it"

# Share of a batch in the running share of right decisions.
_MOMENTUM = 0.05

# Presentations that are simulated at once: the spikes of more leave the cache, which takes twice the time.
_AT_ONCE = 32

# Lowest threshold, as a share of that without adaptation.
_LEAST = 0.01


@dataclass(frozen=True)
class RewardModulatedSTDP(LearningRule):
    """``dW_i = R_i rate sum_t (a+ post_i(t) x_pre(t) - a- x_post_i(t) pre(t))`` for the units that win a stimulus.

    A stimulus becomes regular spikes at rates in proportion to its intensities (:func:`intensities`): what is brighter
    comes earlier and more often. Hidden units are leaky integrate-and-fire neurons; each one's threshold follows its
    rate to ``target_rate``. The winners of a layer, at each place of a map, are the units whose mean input exceeds
    their threshold most. Weights act, and end, with zero mean and length one per unit (as if inhibition subtracted the
    mean of what enters). ``R = 1`` without reward. With it unit i stands for class ``i mod n_classes``, and by
    ``reward``

    - ``"hits"``: winners are rewarded by the share of recent errors if that is the label, else punished by the share of
      recent successes;
    - ``"expected"``: every unit has ``R_i = sum_c s_ic (1[label = c] - p_c)``, the reward of a class less what the
      network expected of it, ``p`` the softmax of its output. One signal per class reaches all layers and all places;
      ``s_ic`` says who heeds it: 1 for the unit's own class and 0 for others, or random signs, which keep units of wide
      layers from becoming alike. A winner would be needless: reward tells units apart, and ends when all is foreseen.

    The readout reads ``x``, deviations of rates from ``target_rate`` divided by their length. It learns by the delta
    rule, ``dw = readout_rate (label - p) x`` with ``p`` the softmax of its output, or from reward alone: it decides by
    chance from ``p``, and of the delta rule only the row that was chosen is learned, for which the label is whether the
    decision was rewarded (and hidden units hear of that class alone if rewards are ``"expected"``). What a batch
    changes is the sum over its presentations, never their mean. Plain SGD with ``learning_rate = 1`` is the rule
    itself.

    From the literature: units that stand for classes, reward and punishment by the share of errors, unsupervised layers
    below (Mozafari et al.); a readout of which only the chosen row learns (Roelfsema & van Ooyen 2005, Neural Comput.
    17:2176); errors through fixed random signs (direct feedback alignment, Nøkland 2016, arXiv 1609.01596). Ours: STDP
    as what that signal modulates, several spikes per unit instead of the first, the window of pairs instead of its
    sign, zero mean and length of weights, thresholds that follow rates. Normalisations of a network hand on what they
    get.

    Not plausible: weights change sign, one filter learns from all places of a map, winners are found by comparing all
    units of a layer, and inputs are scaled by the activity of the whole presentation. ``"expected"`` reward is known
    for every class, chosen or not: supervision by a vector of errors, no scalar (but with ``readout = "reward"``).

    Parameters
    ----------
    duration, dt
        Presentation and time step, ms.
    max_rate
        Rate of the brightest input, Hz.
    tau
        Membrane time constant, ms.
    threshold
        mV above rest, before adaptation.
    drive
        mV per ms that a unit receives whose weights match what enters; layers get it whatever their size.
    theta, target_rate
        mV by which a presentation at twice ``target_rate`` raises a threshold, and that rate in Hz.
    winners
        Share of the units of a layer that learn from a stimulus; at least one does.
    rate
        Factor on all changes of hidden weights; 0 switches plasticity off.
    potentiation, depression, tau_pre, tau_post
        ``a+``, ``a-`` and ms, see :class:`STDPWindow`.
    rewarded
        ``"last"``: the last hidden layer; ``"all"``: every hidden layer; ``"none"``: only the readout.
    punishment
        Factor on punishments.
    readout
        ``"linear"``: by the delta rule; ``"reward"``: from reward alone; ``"vote"``: it is not used, the answer is the
        mean rate in Hz of the units that stand for a class.
    readout_rate
        Of the readout, per presentation.
    reward
        ``"hits"`` or ``"expected"``, as above.
    code
        Of ``"expected"``: ``"classes"``, ``"signs"``, or ``"mixed"``: units of maps stand for classes, dense ones have
        signs.
    encoding
        ``"regular"`` spikes, or ``"graded"``: intensities enter as constant currents, as from receptors, which do not
        spike; the first layer's current is then computed once, not in every step, and has no steps of its own.
    reset
        ``"zero"``, or ``"subtract"``: a spike takes the threshold off the membrane, so that rates follow input more
        finely in the same time.
    places
        Whether a map changes by the ``"mean"`` or the ``"sum"`` over its places. With the sum one ``rate`` serves maps
        and dense layers.
    learn_from
        Presentations of a batch, the first ones, that hidden layers learn from, first layer first; 0 for a layer that
        stands still. Layers without an entry learn from all.

    References
    ----------
    Mozafari, Ganjtabesh, Nowzari-Dalini, Thorpe & Masquelier 2019, Pattern Recognit. 94:87 (arXiv 1804.00227).
    """

    reference: ClassVar[str] = "Mozafari et al. 2019, Pattern Recognit. 94:87"
    plasticity_off: ClassVar[Mapping[str, Any]] = {"rate": 0.0}
    claims: ClassVar[Mapping[str, Claim]] = {
        **dict.fromkeys(("C1", "C2", "C3"), Claim(True, _LV)),
        **dict.fromkeys(("C4", "C5"), Claim(True, _BSD)),
    }
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "": {"optimizer": "sgd", "learning_rate": 1.0, "schedule": "constant", "rule.readout_rate": 0.3}
    }

    only_with: ClassVar[Needs] = {
        "code": {"reward": ("expected",)},
        "punishment": {"reward": ("hits",), "rewarded": ("last", "all")},
        "reward": {"rewarded": ("last", "all")},
        "readout_rate": {"readout": ("linear", "reward")},
    }
    duration: float = 100.0
    dt: float = 5.0
    max_rate: float = 100.0
    tau: float = 20.0
    threshold: float = 13.0
    drive: float = 20.0
    theta: float = 0.02
    target_rate: float = 20.0
    winners: float = 0.0
    rate: float = 1.0
    potentiation: float = 0.02
    depression: float = 0.002
    tau_pre: float = 20.0
    tau_post: float = 20.0
    rewarded: str = "last"
    punishment: float = 1.0
    readout: str = "linear"
    readout_rate: float = 2.0
    reward: str = "hits"
    code: str = "classes"
    encoding: str = "regular"
    reset: str = "zero"
    places: str = "mean"
    learn_from: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        choose("readout", self.readout, ("linear", "reward", "vote"))
        choose("rewarded", self.rewarded, ("last", "all", "none"))
        choose("reward", self.reward, ("hits", "expected"))
        choose("code", self.code, ("classes", "signs", "mixed"))
        choose("encoding", self.encoding, ("regular", "graded"))
        choose("reset", self.reset, ("zero", "subtract"))
        choose("places", self.places, ("mean", "sum"))
        time_steps(self.duration, self.dt)
        require_positive(
            max_rate=self.max_rate, tau=self.tau, threshold=self.threshold, drive=self.drive,
            target_rate=self.target_rate,
        )  # fmt: skip
        require_not_negative(
            theta=self.theta, winners=self.winners, rate=self.rate, potentiation=self.potentiation,
            depression=self.depression, tau_pre=self.tau_pre, tau_post=self.tau_post, punishment=self.punishment,
            readout_rate=self.readout_rate,
        )  # fmt: skip
        require_steps(**{f"learn_from[{k}]": few for k, few in enumerate(self.learn_from)})

    @property
    def activity(self) -> str:
        """Spike counts over the presentation, as rates."""
        return f"spike rate in Hz over {self.duration:g} ms, dt {self.dt:g} ms"

    def incompatibility(self, network: Network) -> str | None:
        """Spikes pass through layers of one synapse, and only classes are right or wrong."""
        for block in network.blocks:
            if len(block.synapses) != 1:
                return f"{block.name} has {len(block.synapses)} synapses; a population of neurons reads one"
        if network.task.objective != "classification":
            return f"only a class is right or wrong, the objective is {network.task.objective}"
        return None

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Return ``reward/<block>.theta`` ``(units,)``, mV, and for rewarded layers ``.hits`` or ``.code``.

        ``.hits`` is the share of hits, ``.code`` ``(classes, units)`` holds random signs.
        """
        del params
        state: Params = {}
        classes = network.task.n_outputs
        for block in network.blocks[:-1]:
            units = block.synapses[0].n_out
            state[f"reward/{block.name}.theta"] = torch.zeros(units)
            if not self._is_rewarded(network, block):
                continue
            if self.reward == "hits":
                state[f"reward/{block.name}.hits"] = torch.tensor(1 / classes)
            elif self.code == "signs" or (self.code == "mixed" and block.synapses[0].kind == "linear"):
                state[f"reward/{block.name}.code"] = 2.0 * torch.randint(2, (classes, units), generator=generator) - 1
        return state

    def noise(self, network: Network, batch_size: int, generator: torch.Generator) -> Params:
        """Draw what decides, ``(n, n_outputs)``."""
        return {"choice": torch.rand(batch_size, network.task.n_outputs, generator=generator)}

    def _is_rewarded(self, network: Network, block: Block) -> bool:
        return self.rewarded == "all" or (self.rewarded == "last" and block is network.blocks[-2])

    def _learn_from(self, network: Network, batch_size: int) -> list[int]:
        """Return how many presentations of a batch each hidden layer learns from."""
        given = [*self.learn_from, *[batch_size] * len(network.blocks)][: len(network.blocks) - 1]
        return [min(few, batch_size) if self.rate else 0 for few in given]

    # -- a presentation -----------------------------------------------------------------------------------------------

    def _weights(self, network: Network, params: Params) -> Params:
        hidden = {block.synapses[0].weight_name for block in network.blocks[:-1]}
        return {name: _balanced(p) if name in hidden else p for name, p in params.items()}

    @property
    def _chain(self) -> SpikingChain:
        return SpikingChain(
            duration=self.duration,
            dt=self.dt,
            max_rate=self.max_rate,
            tau=self.tau,
            threshold=self.threshold,
            drive=self.drive,
            graded=self.encoding == "graded",
            subtract=self.reset == "subtract",
        )

    def _present(self, network: Network, weights: Params, state: Params, x: Tensor) -> list[LayerPresentation]:
        """Return every hidden layer's presentation."""
        adapted = {block.name: state[f"reward/{block.name}.theta"] for block in network.blocks[:-1]}
        return self._chain.present(network, weights, state, adapted, x)

    def _answer(self, network: Network, weights: Params, state: Params, rates: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output for the last hidden layer's rates in Hz, and what the readout's weights read."""
        if self.readout == "vote":
            own = _stands_for(rates, network.task.n_outputs).T
            return _over_places(rates) @ (own / own.sum(0).clamp_min(1)), rates
        wiring, last = self._chain.wiring(state), network.blocks[-1]
        x = rates - self.target_rate
        x = x / x.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, *[1] * (x.ndim - 1))
        return last.forward(weights, x, wiring), wiring.inputs[last.synapses[0].name][0]

    def respond(self, network: Network, params: Params, state: Params, x: Tensor) -> dict[str, Tensor]:
        """Return the rate in Hz of every hidden unit and the answer."""
        weights = self._weights(network, params)
        parts = [self._respond(network, weights, state, part) for part in x.split(_AT_ONCE)]
        return {name: torch.cat([part[name] for part in parts]) for name in network.layers}

    def _respond(self, network: Network, weights: Params, state: Params, x: Tensor) -> Params:
        layers = self._present(network, weights, state, x)
        output, _ = self._answer(network, weights, state, layers[-1].rates)
        return {**{layer.block.name: layer.rates for layer in layers}, network.layers[-1]: output}

    # -- a step -------------------------------------------------------------------------------------------------------

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return what takes hidden weights to where they go, the readout's own update, and new thresholds."""
        self.check(network)
        weights = self._weights(network, params)
        layers = self._present(network, weights, state, batch.x)
        output, x = self._answer(network, weights, state, layers[-1].rates)
        # The sum over presentations, of which the output error is the mean.
        error = len(batch.y) * output_error(network.task, output, batch.y)
        if self.readout == "reward":
            chosen = (output - (-noise["choice"].clamp_min(1e-12).log()).log()).argmax(1, keepdim=True)
            error = error * (chosen == torch.arange(output.shape[1], device=output.device))
        updates: Params = {}
        new: Params = {}
        for layer, few in zip(layers, self._learn_from(network, len(batch.y)), strict=True):
            name, theta = layer.block.synapses[0].weight_name, f"reward/{layer.block.name}.theta"
            if few:
                learns, learned = self._modulate(network, state, layer, batch.y, error)
                changed = self._change(weights, state, layer, learns[:few])
                updates[name] = params[name] - _balanced(weights[name] + changed)
                new |= learned
            moved = state[theta] + self.theta * (_over_places(layer.rates) / self.target_rate - 1).sum(0)
            # A unit that cannot reach the target would otherwise take as long to come back.
            new[theta] = moved.clamp_min(-(1 - _LEAST) * self.threshold)
        if self.readout != "vote":
            updates |= synaptic_update(network.blocks[-1].synapses[0], x, self.readout_rate * error)
        return Step(updates, new, output_metrics(network.task, output, batch.y))

    def _modulate(
        self, network: Network, state: Params, layer: LayerPresentation, y: Tensor, error: Tensor
    ) -> tuple[Tensor, Params]:
        """Return ``R`` of the units of a layer, and new shares of hits."""
        if not self._is_rewarded(network, layer.block):
            return _winners(layer.excess, self.winners), {}
        shape = len(y), -1, *[1] * (layer.excess.ndim - 2)
        own = _stands_for(layer.excess, network.task.n_outputs)
        if self.reward == "expected":
            return -(error @ state.get(f"reward/{layer.block.name}.code", own)).view(shape), {}
        hits = f"reward/{layer.block.name}.hits"
        learns, right = _winners(layer.excess, self.winners), own[y].view(shape)
        new = {hits: torch.lerp(state[hits], (learns * right).sum() / learns.sum(), _MOMENTUM)}
        return learns * torch.where(right > 0, 1 - state[hits], -self.punishment * state[hits]), new

    def _change(self, weights: Params, state: Params, layer: LayerPresentation, learns: Tensor) -> Tensor:
        """Return ``dW`` of a layer by what its units are told about the first presentations."""
        window = STDPWindow(
            potentiation=self.potentiation,
            depression=self.depression,
            tau_pre=self.tau_pre,
            tau_post=self.tau_post,
            dt=self.dt,
        )
        name = layer.block.synapses[0].weight_name
        chain = self._chain
        met = window.met(chain.every_step(layer.pre[:, : len(learns)]))
        # One product of spikes with what they meet, through whatever pooling lies between synapse and neuron.
        own = {name: weights[name]}
        _, back = vjp(lambda own: chain.current(layer.block, {**weights, **own}, state, met), own)  # type: ignore[misc]
        changed: Tensor = back(learns * layer.spikes[:, : len(learns)])[0][name]
        places = prod(layer.spikes.shape[3:]) if self.places == "mean" else 1
        return self.rate / (self.drive * self.dt * places) * changed

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count, per time step, a pass of spikes, one of what they meet and their product; and the readout."""
        costs, steps = forward_cost(network), time_steps(self.duration, self.dt)
        readout = costs[network.blocks[-1].synapses[0].name]
        total = 2.0 * readout
        for k, few in enumerate(self._learn_from(network, batch_size)):
            shown = 1 if k == 0 and self.encoding == "graded" else steps
            total += (shown + 2 * steps * few / batch_size) * costs[network.blocks[k].synapses[0].name]
        return total


def _balanced(weight: Tensor) -> Tensor:
    """Return weights with zero mean and length one per unit."""
    flat = weight.flatten(1)
    flat = flat - flat.mean(1, keepdim=True)
    return (flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-12)).view_as(weight)


def _over_places(x: Tensor) -> Tensor:
    """Return the mean ``(n, units)`` over the places of maps ``(n, units, ...)``."""
    return x.reshape(*x.shape[:2], -1).mean(2)


def _stands_for(x: Tensor, classes: int) -> Tensor:
    """Return for ``x`` ``(n, units, ...)`` which units stand for which class ``(classes, units)``."""
    units = torch.arange(x.shape[1], device=x.device)
    return (torch.arange(classes, device=x.device).unsqueeze(1) == units % classes).to(x.dtype)


def _winners(excess: Tensor, share: float) -> Tensor:
    """Return 1 for the ``share`` of units, at least one, with the largest ``excess`` ``(n, units, ...)``, else 0."""
    k = max(1, round(share * excess.shape[1]))
    return (excess >= excess.topk(k, dim=1).values[:, -1:]).to(excess.dtype)
