"""Policy gradients, within a lifetime and beyond, that credit policies are compared with."""

from dataclasses import dataclass

import torch
from torch import Tensor

from brainalign.metalearning.control_tasks import ControlTask, Setting
from brainalign.metalearning.credit_policy import CreditPolicy, Policy, World

#: Grid of the rate of the policy gradient within a lifetime, and of the one of Adam beyond it.
LIFETIME_RATES = torch.logspace(-2, 1, 10)
ADAM_RATES = torch.tensor([0.003, 0.01, 0.03])
_FORGETTING = 0.95


@torch.no_grad()
def lifetime_policy_gradient(options: CreditPolicy, rates: Tensor, world: World, setting: Setting) -> Policy:
    """Return policies ``(p, b)`` after lifetimes of ``dW = rate (r - mean r) e``, ``e <- 0.95 e + d log p(a) / dW``.

    REINFORCE with eligibility traces, the form that learns at every step as the credit policy does, from the same
    random weights and in as many steps; ``rates`` ``(p,)``. ``r`` is the end of an episode (-1 or 1) where the task
    has one, else the reward.

    References
    ----------
    Williams 1992, Mach. Learn. 8:229; Baxter & Bartlett 2001, J. Artif. Intell. Res. 15:319.
    """
    task = options.control
    rate = rates[:, None, None, None]
    grown = (len(rates), *world.chance.shape[1:])
    policy = Policy(*(w.expand(len(rates), *w.shape) for w in (world.policy.inner, world.policy.outer)))
    trace = Policy(torch.zeros_like(policy.inner), torch.zeros_like(policy.outer))
    state, usual = world.starts[0].expand(*grown, -1), torch.zeros(grown)
    for t, chance in enumerate(world.chance):
        senses = task.senses(state)
        hidden = policy.hidden(senses)
        odds = torch.softmax(policy.logits(hidden), -1)
        action = (chance[..., None] > odds.cumsum(-1)[..., :-1]).sum(-1)
        surprise = torch.nn.functional.one_hot(action, odds.shape[-1]) - odds
        below = (policy.outer.mT @ surprise.unsqueeze(-1)).squeeze(-1) * (1 - hidden.square())
        trace = Policy(
            _FORGETTING * trace.inner + below.unsqueeze(-1) * senses.unsqueeze(-2),
            _FORGETTING * trace.outer + surprise.unsqueeze(-1) * hidden.unsqueeze(-2),
        )
        state, reward, ended = task.step(state, action, setting)
        signal = task.ending * ended.to(reward) if task.ending else reward / 16
        gain = rate * (signal - usual)[..., None, None]
        usual = usual + 0.02 * (signal - usual)
        policy = Policy(policy.inner + gain * trace.inner, policy.outer + gain * trace.outer)
        state = torch.where(ended[..., None], world.starts[t + 1], state)
        alive = (~ended)[..., None, None]
        trace = Policy(trace.inner * alive, trace.outer * alive)
    return policy


@dataclass(frozen=True)
class PolicyGradient:
    """REINFORCE over whole episodes with Adam: ``grad mean_t log p(a_t) A_t``, ``A`` the standardised return to go.

    One policy per seed, ``episodes`` of them at once, ``updates`` times; not bound to a lifetime.

    References
    ----------
    Williams 1992, Mach. Learn. 8:229.
    """

    updates: int = 100
    episodes: int = 16
    discount: float = 0.99

    def learn(
        self, task: ControlTask, policy: Policy, rates: Tensor, setting: Setting, generator: torch.Generator
    ) -> tuple[Policy, int]:
        """Return the trained policies ``(p,)``, each with its rate ``(p,)``, and the steps in the task of each."""
        weights = [policy.inner.clone().requires_grad_(), policy.outer.clone().requires_grad_()]
        moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in weights]
        taken = 0
        for update in range(self.updates):
            score, steps = self._score(task, Policy(*(w.unsqueeze(1) for w in weights)), setting, generator)
            slopes = torch.autograd.grad(score.sum(), weights)
            taken += steps
            with torch.no_grad():
                for k, (weight, slope) in enumerate(zip(weights, slopes, strict=True)):
                    first = 0.9 * moments[k][0] + 0.1 * slope
                    second = 0.999 * moments[k][1] + 0.001 * slope.square()
                    moments[k] = (first, second)
                    sized = first / (1 - 0.9 ** (update + 1))
                    scale = (second / (1 - 0.999 ** (update + 1))).sqrt() + 1e-8
                    weight += rates[:, None, None] * sized / scale
        return Policy(*(w.detach() for w in weights)), taken // len(rates)

    def _score(
        self, task: ControlTask, policy: Policy, setting: Setting, generator: torch.Generator
    ) -> tuple[Tensor, int]:
        """Return ``mean log p(a_t) A_t`` ``(p,)`` of one batch of episodes and how many steps these took."""
        n = len(policy.inner)
        state = task.draw((n, self.episodes), generator)
        running = torch.ones(n, self.episodes, dtype=torch.bool)
        logs, rewards, alive = [], [], []
        for _ in range(task.steps):
            senses = task.senses(state)
            odds = torch.log_softmax(policy.logits(policy.hidden(senses)), -1)
            chance = torch.rand(n, self.episodes, 1, generator=generator)
            action = (chance > odds.detach().exp().cumsum(-1)[..., :-1]).sum(-1)
            logs.append(odds.gather(-1, action[..., None]).squeeze(-1))
            alive.append(running)
            state, reward, ended = task.step(state, action, setting)
            rewards.append(torch.where(running, reward, 0.0))
            running = running & ~ended
            if not running.any():
                break
        lived, togo = torch.stack(alive).float(), torch.zeros(n, self.episodes)
        heard = []
        for reward in reversed(rewards):
            togo = reward + self.discount * togo
            heard.append(togo)
        gains = torch.stack(heard[::-1])
        count = lived.sum((0, 2), keepdim=True)
        centred = (gains - (gains * lived).sum((0, 2), keepdim=True) / count) * lived
        spread = (centred.square().sum((0, 2), keepdim=True) / count).sqrt() + 1e-6
        return (torch.stack(logs) * centred / spread).sum((0, 2)) / count[0, :, 0], int(lived.sum())
