"""The help of every verb: an example that could be run, and a sentence for every argument and option."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from brainalign.__main__ import app

_ROOT = typer.main.get_command(app)


def _verbs(command: Any = _ROOT, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield words, command
        return
    for name, inside in command.commands.items():
        yield from _verbs(inside, (*words, name))


VERBS = dict(_verbs())


def test_all_verbs_are_looked_at() -> None:
    assert {("train",), ("data", "check"), ("credit", "functions"), ("power",)} <= set(VERBS)


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_the_help_of_a_verb_has_an_example_of_it(words: tuple[str, ...]) -> None:
    command = VERBS[words]
    found = re.findall(r"^Example: brainalign (.*?)\.?(?: One of them .*)?$", command.help, flags=re.M)
    assert len(found) == 1, command.help
    given = shlex.split(found[0])
    assert tuple(given[: len(words)]) == words
    command.make_context(" ".join(words), given[len(words) :], resilient_parsing=True)
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in given if word.startswith("--")} <= known
    missing = [one.opts[0] for one in command.params if one.required and one.param_type_name == "option"]
    assert [one for one in missing if one not in given] == []


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_argument_and_option_is_explained(words: tuple[str, ...]) -> None:
    silent = [one.name for one in VERBS[words].params if one.name != "help" and not (one.help or "").endswith(".")]
    assert [name for name in silent if name != "device"] == []  # its help is names of devices
