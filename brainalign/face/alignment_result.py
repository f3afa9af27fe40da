"""What was found, as a notebook shows it."""

import base64
from dataclasses import dataclass, fields
from html import escape
from pathlib import Path

import pandas as pd

from brainalign.alignment.result import AlignmentResult as Result
from brainalign.face.plots import Plots, png
from brainalign.report.page import write_report
from brainalign.report.verdict import NOT_SUPPORTED, verdicts
from brainalign.summary import Summarised, Summary, shortened, some

#: Figures that stand for a result, the first that can be drawn.
_FIRST = ("time_course", "bars", "layer_profile")
_MOST_ROWS = 12


@dataclass(frozen=True, eq=False)
class AlignmentResult(Summarised, Result):
    """Everything that was found of one or more recordings: scores, contrasts, ranks and gates as tidy tables.

    :func:`align` returns one, :meth:`load` reads one from a results folder. Columns are described in the documentation
    of the results folder.

    Attributes
    ----------
    scores
        A row for each layer of a network, or low-level control, and subject.
    contrasts, ranks, gates
        A row for each difference of two networks, network in a cell, and gate that fired.
    plot
        Figures by name: ``found.plot.bars()``.

    Examples
    --------
    >>> import brainalign as ba, tempfile
    >>> found = ba.example()
    >>> found.networks, found.rules, found.scored_measures, found.layers("models"), found.alpha
    (('models',), ('a', 'b'), ('rsa corr',), ['early', 'late'], 0.05)
    >>> found.best()[["rule", "layer", "roi"]].to_dict("records")
    [{'rule': 'a', 'layer': 'late', 'roi': 'V'}, {'rule': 'b', 'layer': 'late', 'roi': 'V'}]
    >>> late = found.only(layer="late")
    >>> sorted(set(late.network_scores.layer)), sorted(set(late.low_level.layer))
    (['late'], ['gabor', 'luminance', 'pixels'])
    >>> len(found.shown_scores) == len(found.network_scores) + len(found.low_level)
    True
    >>> found.about("rsa corr").unit, found.scope_sentences[0]
    ('Pearson r', 'simulated example V: Inference extends to new subjects, stimuli and network initialisations.')
    >>> found.is_simulated("simulated example"), found.dataset_label("simulated example")
    (True, 'SIMULATED example')
    >>> found.untrained, found.own_controls, found.recorded_dissimilarities("rsa corr")
    (frozenset(), (), {'correlation': ['SIMULATED example V']})
    >>> found.ranking_layer("V"), bool(found.at_declared_layer(found.ranks).all())
    (None, True)
    >>> drawn = found.plot.layer_profile()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = late.report(folder, formats=())
    ...     print(page.name, len(ba.AlignmentResult.load(folder).scores) == len(late.scores))
    ...     print(late.with_facts(note="mine").save(folder).is_dir())
    report.html True
    True
    >>> one = ba.AlignmentResult.of_tables({"alignment": found.tables["alignment"], "measures": found.measures})
    >>> both = ba.AlignmentResult.of(ba.AlignmentResult.concatenate([one, one]))
    >>> len(both.scores) / len(one.scores)
    2.0
    """

    @classmethod
    def of(cls, found: Result) -> "AlignmentResult":
        """Return what was found elsewhere, with figures and report."""
        return cls(**{one.name: getattr(found, one.name) for one in fields(Result)})

    @property
    def plot(self) -> Plots:
        """The figures that can be drawn of this."""
        return Plots(self)

    def report(self, folder: str | Path, formats: tuple[str, ...] = ("png", "svg", "pdf")) -> Path:
        """Write a results folder with all figures and one page, ``report.html``; return the page.

        Raises
        ------
        StorageError
            If the folder holds the results of something else, or cannot be written.
        """
        return write_report(self.save(folder), formats)

    def best(self) -> pd.DataFrame:
        """Return the layer with the highest mean score of each network and place.

        The layer is chosen on the same data, so that its score flatters; declare ``ranking_layer`` for a claim.

        Returns
        -------
        pandas.DataFrame
            Columns dataset, roi, measure, network, rule, layer, score, floor, ceiling_lower, ceiling_upper, means over
            seeds and subjects (and times), highest score first.
        """
        scores = self.network_scores[self.network_scores.final]
        place = ["dataset", "roi", "measure", "network", "rule"]
        numbers = ["score", "floor", "ceiling_lower", "ceiling_upper"]
        if scores.empty:
            return pd.DataFrame(columns=[*place, "layer", *numbers])
        means = scores.groupby([*place, "layer"], observed=True, sort=False)[numbers].mean().reset_index()
        top = means.sort_values("score", ascending=False, kind="stable").drop_duplicates(place)
        return top[[*place, "layer", *numbers]].reset_index(drop=True)

    def summary(self) -> Summary:
        """Return the verdict, how much there is, and the best layer."""
        rules, measures = list(dict.fromkeys(self.network_scores.rule)), self.scored_measures
        places = dict.fromkeys(f"{self.dataset_label(d)} {r}" for d, r in self._places())
        networks = "1 network" if len(rules) == 1 else f"{len(rules)} networks"
        title = f"Alignment of {networks} ({some(rules)}) with {some(places)}"
        facts = {"verdict": self._verdict()}
        best = self.best()
        if len(best) and best.score.notna().any():
            top = best.iloc[0]
            limit = f", noise ceiling {top.ceiling_lower:.3f} to {top.ceiling_upper:.3f}"
            facts["highest"] = (
                f"{top.rule}, {top.layer}, {top.roi}, {top.measure}: {top.score:.3f}"
                f"{limit if pd.notna(top.ceiling_lower) else ''}{self._over_times()}"
            )
        facts["tables"] = (
            f"{len(self.scores)} scores by {some(measures)}; {len(self.contrasts)} contrasts; {len(self.ranks)} ranks; "
            f"{len(self.gates)} gates"
        )
        facts["see"] = f".scores .contrasts .ranks .gates .report(folder); .plot: {', '.join(dir(self.plot))}"
        return Summary(title, facts)

    def _repr_html_(self) -> str:
        parts = [f"<div><strong>{escape(shortened(self.summary().title))}</strong>"]
        for one in verdicts(self)[:4]:
            said = " ".join((*one.statements, one.scope))
            heading = f"<em>{escape(one.heading)}</em>"
            parts.append(f'<p style="margin:.3em 0">{heading}<br>{escape(shortened(said, 400))}</p>')
        parts.append(_html_table(self.best().head(_MOST_ROWS)))
        parts.append(f"<p>Best layers{self._over_times()}, chosen on the same data.</p>")
        parts.append(self._picture())
        return "".join([*parts, "</div>"])

    def _picture(self) -> str:
        """Return one figure within HTML; nothing where none can be drawn."""
        known = self.plot.drawable()
        figure = next((known[name] for name in _FIRST if name in known), None)
        if figure is None:
            return ""
        cell = figure.cells(self)[0]
        data = base64.b64encode(png(figure.draw(self, *cell))).decode("ascii")
        title = escape(figure.title(self, *cell))
        image = f'<img src="data:image/png;base64,{data}" alt="{title}" style="max-width:100%">'
        return f'<figure style="margin:.5em 0">{image}<figcaption>{title}</figcaption></figure>'

    def _over_times(self) -> str:
        n_times = self.network_scores.time.nunique()
        return f" (mean over {n_times} times)" if n_times > 1 else ""

    def _places(self) -> list[tuple[str, str]]:
        return [tuple(row) for row in self.network_scores[["dataset", "roi"]].drop_duplicates().to_numpy()]

    def _verdict(self) -> str:
        found = verdicts(self)
        states = [one.state for one in found]
        if not (self.ranks["rank"] > 1).any():
            return "nothing is ranked: one network in each group, or no layer under one name"
        if set(states) == {"refused"}:
            first = dict.fromkeys(one.reasons[0].replace(f"{NOT_SUPPORTED}: ", "") for one in found if one.reasons)
            return f"{NOT_SUPPORTED}: {'; '.join(first)}"
        words = {
            "supported": "an order is supported",
            "limited": "an order is supported, with limits,",
            "refused": "none is supported",
        }
        n = len(states)
        return "; ".join(f"{words[state]} in {states.count(state)} of {n} places" for state in dict.fromkeys(states))


def _html_table(best: pd.DataFrame) -> str:
    """Return a short table: what, where, and numbers."""
    names = {"rule": "network", "network": "group", "layer": "layer", "roi": "ROI", "measure": "measure"}
    numbers = {"score": "score", "floor": "untrained", "ceiling_lower": "ceiling from", "ceiling_upper": "to"}
    style = 'style="text-align:left;padding:0 .8em 0 0"'
    head = "".join(f"<th {style}>{name}</th>" for name in (*names.values(), *numbers.values()))
    rows = []
    for row in best.to_dict("records"):
        cells = [escape(str(row[name])) for name in names]
        cells += ["" if pd.isna(row[name]) else f"{row[name]:.3f}" for name in numbers]
        rows.append("".join(f"<td {style}>{cell}</td>" for cell in cells))
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
