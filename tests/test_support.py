"""The support table of the documentation is the code's own."""

from pathlib import Path

from brainalign.support import support, support_markdown


def test_documentation_agrees_with_the_code() -> None:
    page = Path(__file__).resolve().parents[1] / "docs" / "support.md"
    assert page.read_text(encoding="utf-8") == support_markdown(), "run: brainalign rules --markdown > docs/support.md"


def test_records_have_the_documented_shape() -> None:
    for record in support():
        assert set(record) == {"name", "reference", "claims", "networks"}
        assert {"mlp", "cnn", "rnn", "transformer"} <= set(record["networks"])
        assert all(value is True or isinstance(value, str) for value in record["networks"].values())
