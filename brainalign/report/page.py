"""One page that holds everything: verdicts, figures, tables, methods and provenance."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brainalign.alignment.result import AlignmentResult
from brainalign.columns import UNTRAINED
from brainalign.errors import SpecError
from brainalign.report.equal_accuracy import equal_accuracy
from brainalign.report.finding_lines import accepted_severe, findings_of
from brainalign.report.methods_text import clusters_sentence, methods_text
from brainalign.report.plate import save_plate
from brainalign.report.plates import draw_all
from brainalign.report.rule_style import rule_styles
from brainalign.report.style import words
from brainalign.report.table import (
    ceiling_table,
    cluster_table,
    compared_table,
    contrast_tables,
    criteria_table,
    dimensionality_table,
    failure_table,
    gate_table,
    training_table,
)
from brainalign.report.verdict import verdicts
from brainalign.report.wording import abbreviations, counted, in_words_of, listed
from brainalign.results_folder import FIGURES, FORMATS, PAGE, note_drawn, remove_figures
from brainalign.storage import write_text

if TYPE_CHECKING:
    from markupsafe import Markup

_DOI = re.compile(r"\b(?:doi:\s*|https?://(?:dx\.)?doi\.org/)(10\.\d{4,9}/[^\s;,<>\"]+)", re.IGNORECASE)


def write_report(folder: str | Path, formats: Sequence[str] = FORMATS) -> Path:
    """Draw the figures of a results folder and write one self-contained page.

    Parameters
    ----------
    folder
        A results folder; ``figures/<name>.<format>`` and ``report.html`` are written into it. Figures that an earlier
        report drew and this one does not are removed.
    formats
        Which of ``"png"`` (300 dots per inch), ``"svg"`` and ``"pdf"`` to write as files.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    DataError
        If the folder is not a whole results folder.
    SpecError
        If a format is unknown.
    StorageError
        If a file cannot be written; an earlier page is then intact, and there is none if there was none.

    Examples
    --------
    >>> import brainalign as ba, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = ba.write_report(ba.example().only(layer="late").save(folder), formats=())
    >>> page.name
    'report.html'
    """
    for name in formats:
        if name not in FORMATS:
            msg = f"Unknown figure format {name!r}. Choose from: {', '.join(FORMATS)}."
            raise SpecError(msg)
    folder = Path(folder)
    results = AlignmentResult.load(folder)
    embedded = []
    for plate in draw_all(results):
        if formats:
            note_drawn(folder, [plate.name])
        embedded.append(save_plate(plate, folder / FIGURES, formats))
    page = folder / PAGE
    write_text(page, _render_page(results, embedded))
    remove_figures(folder, keep=[figure["name"] for figure in embedded])
    return page


def page_of(results: AlignmentResult) -> str:
    """Return the page as HTML with its figures inside; nothing is written.

    Parameters
    ----------
    results
        What was found, in memory or loaded.
    """
    return _render_page(results, [save_plate(plate, Path(), ()) for plate in draw_all(results)])


def _render_page(results: AlignmentResult, figures: Sequence[dict[str, str]]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("brainalign.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["linked"] = _linked
    contrasts, others = contrast_tables(results)
    study = results.facts
    return environment.get_template("template.html").render(
        study=study,
        title=study["spec"].get("title") or study["name"],
        simulated=[name for name in results.shown_scores.dataset.unique() if results.is_simulated(name)],
        notices=_notices(results),
        verdicts=verdicts(results),
        summary=_summary(results),
        compared=compared_table(results),
        findings=findings_of(results),
        ceilings=ceiling_table(results),
        figures=figures,
        contrasts=contrasts,
        other_contrasts=others,
        equal=equal_accuracy(results),
        clusters=cluster_table(results),
        clusters_said=clusters_sentence(results),
        dimensions=dimensionality_table(results),
        gates=gate_table(results),
        training=training_table(results),
        failures=failure_table(results),
        criteria=criteria_table(results),
        methods=methods_text(results),
        seeds=sorted({int(seed) for seed in results.shown_scores.seed.dropna()}),
        minutes=f"{float(study.get('wall_seconds') or 0) / 60:.1f}",
        spec=_specification(study["spec"]),
        alpha=results.alpha,
        abbreviations=abbreviations({rule: style.short for rule, style in rule_styles(results.rules).items()}),
    )


def _notices(results: AlignmentResult) -> list[str]:
    """Return what must be read before any verdict."""
    found = []
    if stale := list(dict.fromkeys(results.facts.get("stale", []))):
        were = "was" if len(stale) == 1 else "were"
        names = listed([words(str(rule)) for rule in stale])
        found.append(
            f"{names} {were} trained by another version of the training code. Run the study again with --retrain."
        )
    found += results.facts.get("unlearned", [])
    found += accepted_severe(results)
    whole = results.failures[results.failures.stage.isin(["training", "scoring"])]
    for row in whole.to_dict("records"):
        where = f" for {results.dataset_label(row['recording'])}" if row["recording"] else ""
        without = " There is no contrast with backprop." if row["rule"] == "backprop" else ""
        if row["role"] == UNTRAINED:
            without = " There is no contrast with untrained networks and no floor of theirs."
        found.append(f"{words(row['rule'])} on {words(row['network'])} has no scores{where}: {row['reason']}{without}")
    return found


def _summary(results: AlignmentResult) -> str:
    networks = listed([words(name) for name in results.networks])
    scores, controls = results.network_scores, results.low_level.layer.unique()
    rules = f"{counted(len(results.rules), 'rule')} ({listed([words(rule) for rule in results.rules])})"
    kinds = "networks" if (told := in_words_of(results, rules)) == rules else "group"
    return (
        f"{told}, {kinds}: {networks}, "
        f"{counted(scores.seed.nunique(), 'seed')}, {counted(scores.dataset.nunique(), 'recording')}, "
        f"{counted(len(results.scored_measures), 'measure')}. "
        f"Low-level controls: {listed([words(str(name)) for name in controls])}."
    )


def _specification(spec: Any) -> str:
    """Return ``spec`` as JSON, plain lists on one line; a line break is never part of a JSON string."""
    text = json.dumps(spec, indent=2, ensure_ascii=False)
    return re.sub(r"\[\n([^\[\]{}]*?)\n\s*\]", lambda found: "[" + re.sub(r"\n\s*", " ", found[1]).strip() + "]", text)


def _linked(text: str) -> "Markup":
    """Return ``text`` escaped, with its DOIs as links."""
    from markupsafe import Markup, escape

    parts, end = [], 0
    for found in _DOI.finditer(text):
        doi = found.group(1).rstrip(".)")
        parts.append(escape(text[end : found.start()]))
        parts.append(Markup('<a href="https://doi.org/{0}">doi:{0}</a>').format(doi))
        end = found.start(1) + len(doi)
    parts.append(escape(text[end:]))
    return Markup("").join(parts)
