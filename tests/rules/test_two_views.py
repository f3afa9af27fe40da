"""Two views: the contrast of the paper, labels that reach the readout only, views that are parts of images."""

import pytest
import torch

from brainalign.datasets.task import Task
from brainalign.errors import IncompatibleError, SpecError
from brainalign.networks.architecture import architecture
from brainalign.rules.two_views import TwoViews
from tests.small import batch, instance, network, noise

NETWORKS = ("mlp", "cnn", "rnn", "transformer")


def test_the_contrast_is_that_of_the_paper() -> None:
    rule = TwoViews(temperature=0.3)
    z = torch.nn.functional.normalize(torch.randn(8, 5, dtype=torch.float64), dim=1)
    total = 0.0
    for i in range(8):
        other = (i + 4) % 8
        among = sum(torch.exp(z[i] @ z[k] / 0.3) for k in range(8) if k != i)
        total -= float(torch.log(torch.exp(z[i] @ z[other] / 0.3) / among)) / 8
    assert float(rule._loss(z)) == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_labels_teach_the_readout_only(name: str) -> None:
    rule, net = TwoViews(), network(name)
    params, state = instance(net, rule, 0)
    data, drawn = batch(12), noise(rule, net)
    first = rule.step(net, params, state, data, drawn).updates
    other = rule.step(net, params, state, data._replace(y=(data.y + 1) % 5), drawn).updates
    readout = set(net.blocks[-1].parameters())
    changed = {name for name in first if not torch.equal(first[name], other[name])}
    assert changed <= readout
    assert any(name.endswith("weight") for name in changed)
    hidden = set(params) - readout
    assert all(float(first[name].abs().max()) > 0 for name in hidden if name.endswith("weight"))


def test_with_views_that_are_the_whole_image_both_are_the_image() -> None:
    rule = TwoViews(smallest=1.0, brightness=0.0, contrast=0.0)
    x = torch.randn(3, 2, 6, 8, dtype=torch.float64)
    drawn = torch.full((3, 6), 0.75, dtype=torch.float64)
    torch.testing.assert_close(rule._view(x, drawn), x, rtol=0, atol=1e-12)
    drawn[:, 3] = 0.25
    torch.testing.assert_close(rule._view(x, drawn), x.flip(-1), rtol=0, atol=1e-12)
    as_it_is = TwoViews(smallest=1.0, mirror=False, brightness=0.0, contrast=0.0)
    torch.testing.assert_close(as_it_is._view(x, drawn), x, rtol=0, atol=1e-12)


def test_a_view_is_a_part_of_the_image() -> None:
    rule = TwoViews(smallest=0.5, brightness=0.0, contrast=0.0)
    x = torch.arange(8, dtype=torch.float64).expand(1, 1, 8, 8)
    drawn = torch.tensor([[0.0, 0.0, 0.5, 0.9, 0.5, 0.5]], dtype=torch.float64)  # the left half, half as high
    seen = rule._view(x, drawn)
    assert float(seen.max()) < 4
    torch.testing.assert_close(seen[0, 0, 0], torch.tensor([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.25]).double())


def test_only_images_have_views() -> None:
    with pytest.raises(IncompatibleError, match="no views"):
        TwoViews().check(architecture("mlp", {"widths": (4,)}).build(Task((3, 1, 1), 2, 10)))


@pytest.mark.parametrize(
    ("option", "value"), [("temperature", 0), ("smallest", 1.5), ("contrast", 1.0), ("n_hidden", 0), ("n_features", 1)]
)
def test_an_option_out_of_range_is_refused(option: str, value: float) -> None:
    with pytest.raises(SpecError, match=option):
        TwoViews(**{option: value})
