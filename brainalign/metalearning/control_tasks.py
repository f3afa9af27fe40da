"""Control tasks of gymnasium as functions of whole batches, with the settings that make variants of them.

The dynamics equal gymnasium's step by step, which a test checks; a batch of thousands costs as much as one there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import pi
from typing import Any

import torch
from torch import Tensor

from brainalign.errors import SpecError

#: Setting name to value: a number, or a tensor that broadcasts against the batch.
Setting = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class ControlTask:
    """A task with a few discrete actions.

    Parameters
    ----------
    name, gymnasium_id
        Ours and gymnasium's.
    forces
        What each action exerts, in the task's units (torques, for the pendulum, whose gymnasium form takes any).
    steps
        Longest episode.
    solved
        Mean return over at least 100 episodes from which the task counts as solved.
    ending
        What an episode that ends before its time means: -1 failure, 1 success, 0 where there is no such end.
    settings
        Default settings, by gymnasium's attribute names; ``actuator`` is the sign of all forces.
    unseen
        Name of a variant to the settings it changes; no outer level ever trains on them.
    scale
        What divides each observed number.
    draw
        ``draw(shape, generator)`` returns start states ``(*shape, n_state)``.
    advance
        ``advance(state, force, setting)`` returns the next state, the reward and whether the episode ended.
    observe
        Numbers observed of a state.
    derived
        gymnasium's attributes that follow from a setting.
    progress
        How far a state is on the way, ``(...)``, in units of return; outer levels are led by it, see ``returns``.
    """

    name: str
    gymnasium_id: str
    forces: tuple[float, ...]
    steps: int
    solved: float
    ending: int
    settings: Setting
    unseen: Mapping[str, Setting]
    scale: tuple[float, ...]
    draw: Callable[[tuple[int, ...], torch.Generator], Tensor]
    advance: Callable[[Tensor, Tensor, Setting], tuple[Tensor, Tensor, Tensor]]
    observe: Callable[[Tensor], Tensor]
    derived: Callable[[Setting], Setting]
    progress: Callable[[Tensor], Tensor]

    def setting(self, variant: str = "default") -> Setting:
        """Return the settings of a variant; an unknown one raises :class:`SpecError`."""
        if variant == "default":
            return self.settings
        if variant not in self.unseen:
            msg = f"Unknown variant {variant!r} of {self.name}. Choose one of: default, {', '.join(self.unseen)}."
            raise SpecError(msg)
        return {**self.settings, **self.unseen[variant]}

    def step(self, state: Tensor, action: Tensor, setting: Setting) -> tuple[Tensor, Tensor, Tensor]:
        """Return next state ``(..., n_state)``, reward ``(...)`` and end ``(...)`` for action numbers ``(...)``."""
        force = torch.tensor(self.forces, device=state.device, dtype=state.dtype)[action] * setting["actuator"]
        return self.advance(state, force, setting)

    def senses(self, state: Tensor) -> Tensor:
        """Return the scaled observation ``(..., n_senses)``; no constant, which would outweigh small deviations."""
        return self.observe(state) / torch.tensor(self.scale, device=state.device, dtype=state.dtype)

    @property
    def continuous(self) -> bool:
        """Whether gymnasium takes the force itself and not the number of an action."""
        return self.name == "pendulum"

    @property
    def n_senses(self) -> int:
        """Numbers a policy receives."""
        return len(self.scale)


# -- cart and pole ----------------------------------------------------------------------------------------------------


def _cart_pole(state: Tensor, force: Tensor, setting: Setting) -> tuple[Tensor, Tensor, Tensor]:
    x, speed, angle, turn = state.unbind(-1)
    pole, length = setting["masspole"], setting["length"]
    total = setting["masscart"] + pole
    cos, sin = torch.cos(angle), torch.sin(angle)
    push = (force + pole * length * turn.square() * sin) / total
    twist = (setting["gravity"] * sin - cos * push) / (length * (4 / 3 - pole * cos.square() / total))
    pull = push - pole * length * twist * cos / total
    after = torch.stack([x + 0.02 * speed, speed + 0.02 * pull, angle + 0.02 * turn, turn + 0.02 * twist], -1)
    ended = (after[..., 0].abs() > 2.4) | (after[..., 2].abs() > 12 * 2 * pi / 360)
    return after, torch.ones_like(x), ended


def _cart_pole_derived(setting: Setting) -> Setting:
    total = setting["masscart"] + setting["masspole"]
    return {"total_mass": total, "polemass_length": setting["masspole"] * setting["length"]}


# -- car in a valley --------------------------------------------------------------------------------------------------


def _mountain_car(state: Tensor, force: Tensor, setting: Setting) -> tuple[Tensor, Tensor, Tensor]:
    place, speed = state.unbind(-1)
    speed = (speed + force * setting["force"] - torch.cos(3 * place) * setting["gravity"]).clamp(-0.07, 0.07)
    place = (place + speed).clamp(-1.2, 0.6)
    speed = torch.where((place <= -1.2) & (speed < 0), 0.0, speed)
    return torch.stack([place, speed], -1), -torch.ones_like(place), (place >= 0.5) & (speed >= 0)


def _mountain_car_start(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    place = -0.6 + 0.2 * torch.rand(*shape, 1, generator=generator)
    return torch.cat([place, torch.zeros_like(place)], -1)


# -- two links, driven at the joint between them ----------------------------------------------------------------------


def _acrobot(state: Tensor, force: Tensor, setting: Setting) -> tuple[Tensor, Tensor, Tensor]:
    """One step of Runge & Kutta's fourth order, 0.2 s long."""
    step = 0.2
    k1 = _acrobot_flow(state, force, setting)
    k2 = _acrobot_flow(state + step / 2 * k1, force, setting)
    k3 = _acrobot_flow(state + step / 2 * k2, force, setting)
    k4 = _acrobot_flow(state + step * k3, force, setting)
    upper, lower, turn, bend = (state + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)).unbind(-1)
    upper, lower = (torch.remainder(angle + pi, 2 * pi) - pi for angle in (upper, lower))
    after = torch.stack([upper, lower, turn.clamp(-4 * pi, 4 * pi), bend.clamp(-9 * pi, 9 * pi)], -1)
    ended = _height(after) > 1
    return after, torch.where(ended, 0.0, -torch.ones_like(upper)), ended


def _acrobot_flow(state: Tensor, force: Tensor, setting: Setting) -> Tensor:
    """Return the time derivative of both angles and angular velocities; Sutton & Barto 1998, section 11.3."""
    upper, lower, turn, bend = state.unbind(-1)
    m1, m2, length = setting["LINK_MASS_1"], setting["LINK_MASS_2"], setting["LINK_LENGTH_1"]
    c1, c2, inertia, g = setting["LINK_COM_POS_1"], setting["LINK_COM_POS_2"], setting["LINK_MOI"], 9.8
    cos, sin = torch.cos(lower), torch.sin(lower)
    own = m1 * c1**2 + m2 * (length**2 + c2**2 + 2 * length * c2 * cos) + 2 * inertia
    shared = m2 * (c2**2 + length * c2 * cos) + inertia
    weight = m2 * c2 * g * torch.sin(upper + lower)
    load = (m1 * c1 + m2 * length) * g * torch.sin(upper) + weight
    load = load - m2 * length * c2 * sin * (bend.square() + 2 * bend * turn)
    drive = force + shared / own * load - m2 * length * c2 * turn.square() * sin - weight
    bent = drive / (m2 * c2**2 + inertia - shared.square() / own)
    return torch.stack([turn, bend, -(shared * bent + load) / own, bent], -1)


def _acrobot_senses(state: Tensor) -> Tensor:
    upper, lower, turn, bend = state.unbind(-1)
    return torch.stack([torch.cos(upper), torch.sin(upper), torch.cos(lower), torch.sin(lower), turn, bend], -1)


def _height(state: Tensor) -> Tensor:
    """Return how high the tip is above the pivot, in links."""
    return -torch.cos(state[..., 0]) - torch.cos(state[..., 0] + state[..., 1])


# -- pendulum ---------------------------------------------------------------------------------------------------------


def _pendulum(state: Tensor, force: Tensor, setting: Setting) -> tuple[Tensor, Tensor, Tensor]:
    angle, turn = state.unbind(-1)
    mass, length = setting["m"], setting["l"]
    upright = torch.remainder(angle + pi, 2 * pi) - pi
    cost = upright.square() + 0.1 * turn.square() + 0.001 * force.square()
    twist = 3 * setting["g"] / (2 * length) * torch.sin(angle) + 3 / (mass * length**2) * force
    turn = (turn + 0.05 * twist).clamp(-8, 8)
    return torch.stack([angle + 0.05 * turn, turn], -1), -cost, torch.zeros_like(cost, dtype=torch.bool)


def _pendulum_senses(state: Tensor) -> Tensor:
    angle, turn = state.unbind(-1)
    return torch.stack([torch.cos(angle), torch.sin(angle), turn], -1)


def _uniform(*high: float) -> Callable[[tuple[int, ...], torch.Generator], Tensor]:
    def draw(shape: "tuple[int, ...]", generator: torch.Generator) -> Tensor:
        return torch.tensor(high) * (2 * torch.rand(*shape, len(high), generator=generator) - 1)

    return draw


def _itself(state: Tensor) -> Tensor:
    return state


def _nothing(setting: Setting) -> Setting:
    del setting
    return {}


def _none(state: Tensor) -> Tensor:
    return torch.zeros_like(state[..., 0])


def _place(state: Tensor) -> Tensor:
    return 100 * state[..., 0]


def _raised(state: Tensor) -> Tensor:
    return 50 * _height(state)


_REVERSED = {"reversed": {"actuator": -1.0}}

#: Every task by name.
CONTROL_TASKS: dict[str, ControlTask] = {
    one.name: one
    for one in (
        ControlTask(
            name="cart_pole", gymnasium_id="CartPole-v1", forces=(-10.0, 10.0), steps=500, solved=475.0, ending=-1,
            settings={"gravity": 9.8, "masscart": 1.0, "masspole": 0.1, "length": 0.5, "actuator": 1.0},
            unseen={
                "short pole": {"length": 0.25}, "long pole": {"length": 1.0}, "very long pole": {"length": 1.5},
                "heavy pole": {"masspole": 0.5}, "very heavy pole": {"masspole": 1.0}, **_REVERSED,
            },
            scale=(2.4, 2.0, 0.21, 2.0), draw=_uniform(0.05, 0.05, 0.05, 0.05),
            advance=_cart_pole, observe=_itself, derived=_cart_pole_derived, progress=_none,
        ),
        ControlTask(
            name="mountain_car", gymnasium_id="MountainCar-v0", forces=(-1.0, 0.0, 1.0), steps=200, solved=-110.0,
            ending=1,
            settings={"force": 0.001, "gravity": 0.0025, "actuator": 1.0},
            unseen={
                "weak motor": {"force": 0.0008}, "strong motor": {"force": 0.0015},
                "less gravity": {"gravity": 0.002}, "more gravity": {"gravity": 0.003}, **_REVERSED,
            },
            scale=(1.2, 0.07), draw=_mountain_car_start,
            advance=_mountain_car, observe=_itself, derived=_nothing, progress=_place,
        ),
        ControlTask(
            name="acrobot", gymnasium_id="Acrobot-v1", forces=(-1.0, 0.0, 1.0), steps=500, solved=-100.0, ending=1,
            settings={
                "LINK_LENGTH_1": 1.0, "LINK_MASS_1": 1.0, "LINK_MASS_2": 1.0, "LINK_COM_POS_1": 0.5,
                "LINK_COM_POS_2": 0.5, "LINK_MOI": 1.0, "actuator": 1.0,
            },
            unseen={
                "light lower link": {"LINK_MASS_2": 0.8}, "heavy lower link": {"LINK_MASS_2": 1.2},
                "short upper link": {"LINK_LENGTH_1": 0.8}, "long upper link": {"LINK_LENGTH_1": 1.2}, **_REVERSED,
            },
            scale=(1.0, 1.0, 1.0, 1.0, 4.0, 8.0), draw=_uniform(0.1, 0.1, 0.1, 0.1),
            advance=_acrobot, observe=_acrobot_senses, derived=_nothing, progress=_raised,
        ),
        ControlTask(
            name="pendulum", gymnasium_id="Pendulum-v1", forces=(-2.0, 0.0, 2.0), steps=200, solved=-200.0, ending=0,
            settings={"g": 10.0, "m": 1.0, "l": 1.0, "actuator": 1.0},
            unseen={
                "light": {"m": 0.7}, "heavy": {"m": 1.3}, "short": {"l": 0.8}, "long": {"l": 1.2}, **_REVERSED,
            },
            scale=(1.0, 1.0, 8.0), draw=_uniform(pi, 1.0),
            advance=_pendulum, observe=_pendulum_senses, derived=_nothing, progress=_none,
        ),
    )
}  # fmt: skip


def control_task(name: str) -> ControlTask:
    """Return the task ``name``; an unknown name raises :class:`SpecError`."""
    if name not in CONTROL_TASKS:
        msg = f"Unknown control task {name!r}. Choose one of: {', '.join(CONTROL_TASKS)}."
        raise SpecError(msg)
    return CONTROL_TASKS[name]


def gymnasium_environment(task: ControlTask, setting: Setting) -> Any:
    """Return gymnasium's own environment with a setting; the sign of the actuator is left to the caller.

    Raises
    ------
    SpecError
        If gymnasium is not installed.
    """
    try:
        import gymnasium
    except ImportError as error:
        msg = "gymnasium is not installed; install it with: pip install 'brainalign[rl]'."
        raise SpecError(msg) from error
    environment = gymnasium.make(task.gymnasium_id)
    for name, value in {**setting, **task.derived(setting)}.items():
        if name != "actuator":
            setattr(environment.unwrapped, name, value)
    return environment
