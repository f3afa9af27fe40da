"""Networks of one's own against a brain, from a notebook."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import brainalign as ba
from brainalign.activations import Activations, Shown
from brainalign.errors import SpecError
from brainalign.extraction.origin import Origin
from brainalign.face.example import _MadeUp, example, example_networks


def _made(names: dict[str, int], role: str = "model", group: str = "models") -> Shown:
    """Return networks by name and number of seeds, those of the example where there are as many."""
    first = example_networks()[0]
    found = []
    for k, (name, n_seeds) in enumerate(names.items()):
        for seed in range(n_seeds):
            rng = np.random.default_rng((k, seed, len(role)))
            layers = {layer: values + rng.standard_normal(values.shape) for layer, values in first.layers.items()}
            found.append(Activations(layers, first.stimulus_ids, origin=Origin(name, group, seed, role)))
    return Shown(found)


def test_models_are_contrasted_in_pairs_and_ranked() -> None:
    found = example()
    assert isinstance(found, ba.AlignmentResult)
    assert set(found.scores.role) == {"model", "low_level"}
    assert found.contrasts[["rule_a", "rule_b", "role_b", "layer"]].to_dict("records") == [
        {"rule_a": "a", "rule_b": "b", "role_b": "model", "layer": layer} for layer in ("early", "late")
    ]
    assert set(found.contrasts.kind) == {"pair"}
    assert set(found.ranks.rule) == {"a", "b"}
    means = found.scores[found.scores.layer == "late"].groupby("rule", observed=True).score.mean()
    late = found.contrasts[found.contrasts.layer == "late"].iloc[0]
    assert late.delta == pytest.approx(means["a"] - means["b"])


def test_a_network_without_seeds_is_a_fixed_model() -> None:
    found = ba.align(_made({"alone": 1}), _MadeUp(), n_bootstrap=100)
    assert found.contrasts.empty
    assert list(found.ranks.rule) == ["alone", "alone"]
    assert not found.ranks.supported.any()
    gates = found.gates[found.gates.gate == "G3"]
    assert gates.sentence.str.contains("seeds are fixed and conclusions hold for these network instances").all()
    assert not found.gates.sentence.str.contains(r"\brules?\b").any()
    assert found.gates.sentence.str.contains("1 seed per network, fewer than 3").any()
    assert any("holds for these network initialisations only" in sentence for sentence in found.scope_sentences)
    assert "nothing is ranked" in repr(found)


def test_models_with_unequal_numbers_of_seeds_are_compared() -> None:
    found = ba.align(_made({"one": 1, "five": 5}), _MadeUp(), n_bootstrap=100)
    assert set(found.contrasts.scope_seeds) == {"fixed"}
    assert np.isfinite(found.contrasts.p).all()
    random = ba.align(_made({"three": 3, "five": 5}), _MadeUp(), n_bootstrap=100)
    assert set(random.contrasts.scope_seeds) == {"random"}
    assert np.isfinite(random.contrasts.se_seeds).all()


def test_untrained_networks_are_the_floor_of_the_models_of_their_group() -> None:
    nets = _made({"mine": 2}) + _made({"random": 2}, "untrained")
    found = ba.align(nets, _MadeUp(), n_bootstrap=100)
    assert list(found.contrasts.kind) == ["vs_untrained"] * 2
    assert set(found.contrasts.rule_b) == {"random"}
    rows = found.scores[found.scores.rule == "mine"]
    floor = found.scores[found.scores.rule == "random"].groupby(["layer", "subject"], observed=True).score.mean()
    expected = [floor[layer, subject] for layer, subject in zip(rows.layer, rows.subject, strict=True)]
    np.testing.assert_allclose(rows.floor, expected, rtol=1e-12)


def test_networks_of_two_groups_are_not_compared() -> None:
    found = ba.align(_made({"a": 3}, group="left") + _made({"b": 3}, group="right"), _MadeUp(), n_bootstrap=100)
    assert found.contrasts.empty
    assert set(found.networks) == {"left", "right"}


def test_options_of_measures_are_honoured() -> None:
    nets, brain = example_networks(), _MadeUp()
    by_object = ba.align(nets, brain, ba.RSA(comparator="cosine", dissimilarity="euclidean"), n_bootstrap=100)
    by_name = ba.align(nets, brain, "rsa", comparator="cosine", dissimilarity="euclidean", n_bootstrap=100)
    pd.testing.assert_frame_equal(by_object.scores, by_name.scores)
    plain = ba.align(nets, brain, n_bootstrap=100)
    assert not np.allclose(plain.scores.score[:4], by_object.scores.score[:4])
    two = ba.align(nets, brain, [ba.RSA(), ba.RSA(comparator="corr")], n_bootstrap=100)
    assert set(two.scores.measure) == {"rsa spearman", "rsa corr"}
    held = ba.align(nets, brain, [ba.RSA(partial=("pixels",), semi=True)], n_bootstrap=100, low_level=False)
    assert set(held.scores.measure) == {"rsa spearman without pixels"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"measures": [ba.RSA()], "comparator": "corr"},
            "comparator = 'corr' beside measures with options of their own",
        ),
        ({"measures": [ba.RSA(), "rsa"]}, "measures hold names and objects"),
        ({"measures": [ba.RSA(), ba.RSA()]}, "Two measures are called 'rsa spearman'"),
        ({"measures": []}, "measures hold none; expected"),
        ({"measures": [3]}, "measures hold a int; expected"),
        ({"n_boot": 100}, "unknown option 'n_boot'. Choose among: rois, windows, .*n_bootstrap"),
        ({"rois": "IT"}, "has no ROI 'IT'"),
        ({"windows": [(0.2, 0.1)]}, r"Option windows is \[\(0.2, 0.1\)\]"),
        ({"windows": [(0.1, 0.2)]}, "has no time from 0.1 to 0.2 s"),
        ({"brain": 3}, "a brain of type int; expected recordings"),
        ({"brain": "cichy"}, "Unknown recording 'cichy'"),
    ],
)
def test_what_would_be_ignored_or_guessed_is_refused_in_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ba.BrainalignError, match=message) as caught:
        ba.align(**{"nets": example_networks(), "brain": _MadeUp(), **options})
    assert "\n" not in str(caught.value)


def test_windows_are_means_over_their_times() -> None:
    options = {"n_subjects": 2, "n_stimuli": 20, "n_times": 13, "training": {"epochs": 0.1}}
    brain = ba.recording("simulated", **options)
    net = ba.show(_first_layer(), brain.stimuli(), "pixels")
    windows = [(0.29, 0.51), (-0.1, 0.0)]
    found = ba.align(net, brain, ba.RSA(comparator="corr"), windows=windows, low_level=False, subjects="fixed")
    assert sorted(set(found.scores.time)) == pytest.approx([-0.05, 0.4])
    one = ba.align(net, brain, ba.RSA(comparator="corr"), windows=[(0.29, 0.51)], low_level=False, n_bootstrap=100)
    assert set(one.scores.time) == {0.4}
    later = found.scores[found.scores.time > 0].score.to_numpy()
    np.testing.assert_allclose(one.scores.score.to_numpy(), later, rtol=1e-9)


def _first_layer() -> Any:
    from torch import nn

    return nn.Flatten()


# -- what was found ---------------------------------------------------------------------------------------------------


def test_figures_are_listed_and_drawn_by_name() -> None:
    import matplotlib.pyplot as plt

    found = example()
    assert {"bars", "layer_profile", "rdm_gallery", "heatmap"} <= set(dir(found.plot))
    assert "time_course" not in dir(found.plot)
    drawn = found.plot.bars()
    assert isinstance(drawn, Figure)
    assert drawn._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"  # type: ignore[attr-defined]
    _, ax = plt.subplots()
    assert found.plot.bars(ax=ax) is ax
    assert ax.patches
    plt.close("all")
    assert found.plot.bars.caption().startswith("SIMULATED")
    with pytest.raises(AttributeError, match="'time_course' has nothing to draw here; choose among: bars"):
        found.plot.time_course  # noqa: B018
    with pytest.raises(AttributeError, match="'bar' is no figure; choose among: bars"):
        found.plot.bar  # noqa: B018


def test_a_figure_of_several_measures_asks_for_one() -> None:
    two = ba.align(example_networks(), _MadeUp(), [ba.RSA(), ba.RSA(comparator="corr")], n_bootstrap=100)
    with pytest.raises(SpecError, match=r"is 2 figures here \(models, rsa spearman; models, rsa corr\); choose one"):
        two.plot.bars()
    assert isinstance(two.plot.bars(measure="rsa corr"), Figure)
    with pytest.raises(SpecError, match="colour: expected network, dataset, roi, layer or measure"):
        two.plot.bars(colour="red")


def test_a_result_prints_five_lines_and_html_of_its_own() -> None:
    found = example()
    lines = repr(found).splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("Alignment of 2 networks (a, b) with SIMULATED example V")
    assert lines[1].startswith("  verdict: an order is supported, with limits, in 1 of 1 places")
    top = found.best().iloc[0]
    assert f"{top['rule']}, {top['layer']}, V, rsa corr: {top['score']:.3f}" in lines[2]
    html = found._repr_html_()
    assert html.count("<img") == 1
    assert "data:image/png;base64," in html
    assert "http" not in html.replace("http://www.w3.org", "")


def test_a_report_is_written_and_read_again(tmp_path: Path) -> None:
    found = example()
    page = found.report(tmp_path / "mine", formats=("png",))
    assert page.read_text("utf-8").count("<figure") >= 3
    back = ba.AlignmentResult.load(tmp_path / "mine")
    assert isinstance(back, ba.AlignmentResult)
    pd.testing.assert_series_equal(back.scores.score, found.scores.score, rtol=1e-8)
    assert repr(back).splitlines()[0] == repr(found).splitlines()[0]
