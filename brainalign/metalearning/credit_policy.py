"""A policy that learns within its lifetime by the credit a top-down network gives it."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from brainalign.credit.credit_network import CreditNetwork, diffusion_kernels
from brainalign.metalearning.control_tasks import ControlTask, Setting, control_task
from brainalign.options import require_positive, require_steps


@dataclass(frozen=True, eq=False)
class Policy:
    """``p(a) = softmax(V tanh(W o))``; ``inner`` is ``W`` ``(..., width, n_senses)``, ``outer`` is ``V``."""

    inner: Tensor
    outer: Tensor

    def hidden(self, senses: Tensor) -> Tensor:
        """Return ``tanh(W o)`` ``(..., hidden)`` for senses ``(..., n_senses)``."""
        return torch.tanh((self.inner @ senses.unsqueeze(-1)).squeeze(-1))

    def logits(self, hidden: Tensor) -> Tensor:
        """Return ``V h`` ``(..., n_actions)``."""
        return (self.outer @ hidden.unsqueeze(-1)).squeeze(-1)

    def act(self, senses: Tensor) -> Tensor:
        """Return the most probable action ``(...)``."""
        return self.logits(self.hidden(senses)).argmax(-1)


@dataclass(frozen=True, eq=False)
class World:
    """What happens to ``b`` lifetimes whatever they learn; the same for all credit networks.

    Weights as drawn; start states ``starts`` ``(steps + 1, b, n_state)``, the next after every fall; ``chance``
    ``(steps, b)``, which decides actions; ``test_starts`` ``(b, n_state)`` of the episode after learning.
    """

    policy: Policy
    starts: Tensor
    chance: Tensor
    test_starts: Tensor


@dataclass(frozen=True)
class CreditPolicy:
    """``dW = rate c_h o^T``, ``dV = rate c_a h^T``, ``c = D tanh(k)``: credit times presynaptic activity, every step.

    A lifetime begins with random weights and has ``learning_steps`` in the task; an episode that ends is followed by
    another. After each action the top-down network reads the senses and their change, the policy's probabilities and
    its action, the reward, whether the episode ended, and the time left; it emits credits ``k``, which kernels ``D``
    spread over hidden neurons and actions. Then weights stay, and one episode of the most probable actions is the
    test. What it reads and when, and that weights stay for the test, is our reading.

    Not plausible: one moment decides credit, without a trace of earlier ones; all neurons receive it at once.

    Parameters
    ----------
    task
        Name of a control task.
    width
        Hidden neurons of the policy.
    n_credits
        Credits emitted; 0 for one per neuron and no diffusion.
    hidden
        Widths of the top-down network.
    learning_steps
        Length of a lifetime before the test.
    rate
        Of the policy's weights at the start of a lifetime; it falls to 0 at the end of learning, as in a critical
        period, so that no last moment decides.
    reads_reward
        Whether the top-down network reads reward and end; without, it can only teach what it already knows.
    """

    task: str = "cart_pole"
    width: int = 32
    n_credits: int = 2
    hidden: tuple[int, ...] = (8,)
    learning_steps: int = 150
    rate: float = 0.2
    reads_reward: bool = True

    def __post_init__(self) -> None:
        control_task(self.task)
        require_positive(width=self.width, learning_steps=self.learning_steps, rate=self.rate)
        require_steps(n_credits=self.n_credits)

    @property
    def control(self) -> ControlTask:
        """The task."""
        return control_task(self.task)

    @cached_property
    def network(self) -> CreditNetwork:
        """The top-down network."""
        actions = len(self.control.forces)
        n_in = 2 * self.control.n_senses + 2 * actions + 1 + 2 * self.reads_reward
        return CreditNetwork(n_in, self.hidden, self.n_credits or self.width + actions)

    @cached_property
    def kernels(self) -> tuple[Tensor, Tensor]:
        """``D`` of hidden neurons ``(width, n_credits)`` and of actions ``(n_actions, n_credits)``.

        Hidden credit is divided by ``sqrt(width)``, which makes it the size that weights as drawn would carry back.
        """
        actions = len(self.control.forces)
        if self.n_credits:
            generator = torch.Generator().manual_seed(0)
            on_hidden, on_actions = diffusion_kernels((self.width, actions), self.n_credits, generator)
        else:
            on_hidden, on_actions = torch.eye(self.width + actions).split((self.width, actions))
        return on_hidden / self.width**0.5, on_actions

    def world(self, n: int, generator: torch.Generator) -> World:
        """Draw ``n`` lifetimes."""
        senses, actions = self.control.n_senses, len(self.control.forces)
        policy = Policy(
            torch.randn(n, self.width, senses, generator=generator) / senses**0.5,
            torch.randn(n, actions, self.width, generator=generator) / self.width**0.5,
        )
        starts = self.control.draw((self.learning_steps + 1, n), generator)
        chance = torch.rand(self.learning_steps, n, generator=generator)
        return World(policy, starts, chance, self.control.draw((n,), generator))

    @torch.no_grad()
    def learn(self, phi: Tensor, world: World, setting: Setting) -> Policy:
        """Return the policies ``(p, b)`` at the end of every lifetime, by credit networks ``phi`` ``(p, n)``."""
        emit = torch.func.vmap(self.network)
        task, (on_hidden, on_actions) = self.control, self.kernels
        grown = (len(phi), *world.chance.shape[1:])
        policy = Policy(*(w.expand(len(phi), *w.shape) for w in (world.policy.inner, world.policy.outer)))
        state = world.starts[0].expand(*grown, -1)
        for t, chance in enumerate(world.chance):
            senses = task.senses(state)
            hidden = policy.hidden(senses)
            odds = torch.softmax(policy.logits(hidden), -1)
            action = (chance[..., None] > odds.cumsum(-1)[..., :-1]).sum(-1)
            after, reward, ended = task.step(state, action, setting)
            change = 10 * (task.senses(after) - senses)
            parts = [senses, change, odds, F.one_hot(action, odds.shape[-1]).to(odds)]
            if self.reads_reward:
                parts.append(torch.stack([torch.tanh(reward / 4), ended.to(odds)], -1))
            parts.append(torch.full((*grown, 1), t / self.learning_steps))
            credit = torch.tanh(emit(phi, torch.cat(parts, -1)))
            rate = self.rate * (1 - t / self.learning_steps)
            policy = Policy(
                policy.inner + rate * (credit @ on_hidden.T).unsqueeze(-1) * senses.unsqueeze(-2),
                policy.outer + rate * (credit @ on_actions.T).unsqueeze(-1) * hidden.unsqueeze(-2),
            )
            state = torch.where(ended[..., None], world.starts[t + 1], after)
        return policy


@torch.no_grad()
def returns(task: ControlTask, policy: Policy, start: Tensor, setting: Setting, progress: bool = False) -> Tensor:
    """Return what one episode of the most probable actions earns, ``(...)``, from states ``start`` ``(..., n_state)``.

    With ``progress`` the furthest progress towards an end that no policy may reach at first is added; outer levels
    follow that, results never contain it.
    """
    total = torch.zeros(torch.broadcast_shapes(start.shape[:-1], policy.inner.shape[:-2]))
    state = start.expand(*total.shape, -1)
    running = torch.ones_like(total, dtype=torch.bool)
    furthest = task.progress(state)
    for _ in range(task.steps):
        state, reward, ended = task.step(state, policy.act(task.senses(state)), setting)
        total = total + torch.where(running, reward, 0.0)
        furthest = torch.where(running, torch.maximum(furthest, task.progress(state)), furthest)
        running = running & ~ended
        if not running.any():
            break
    return total + furthest if progress else total
