"""Write ``docs/findings.md``, ``docs/findings-in-full.md`` and their figures from the tables in ``docs/results``.

    python benchmarks/which_rule_page.py

Every number on the pages comes from these tables; ``benchmarks/which_rule_tables.py`` makes them again from the
committed RDMs.
"""

from collections.abc import Mapping
from pathlib import Path

import which_rule_page_tables as tables
import which_rule_words as said
from jinja2 import Environment, StrictUndefined
from markdown_table import table
from which_rule import ARCHITECTURES, BESIDE, GAP, MAIN, ROOT
from which_rule_figures import save_figures
from which_rule_found import FAMILY, SPEARMAN, Findings

from brainalign.alignment.equal_accuracy import TOLERANCE
from brainalign.storage import write_text

#: Page in ``docs`` to its template: one that is read in five minutes, and one that holds all tables.
PAGES = {"findings": "which_rule_findings.md.j2", "findings-in-full": "which_rule_findings_in_full.md.j2"}


def values(parts: Mapping[str, Findings]) -> dict[str, object]:
    """Return what the templates name."""
    found = parts[MAIN]
    network = found.spec.populations[0]
    architectures = {name: parts[name] for name in ARCHITECTURES}
    return {
        "date": found.about["date"],
        "code": found.about["code"][:16],
        "missing": said.missing(found),
        "channels": ", ".join(map(str, network.network_options["channels"])),
        "hidden": network.network_options["hidden"],
        "epochs": f"{found.training.epoch.max():g}",
        "seeds": found.training.seed.nunique(),
        "fixed_seeds": said.fixed_seeds(found),
        "n_conditions": len(found.rules),
        "in_short": list(said.in_short(parts)),
        "place_by_place": list(said.place_by_place(found)),
        "place_table": table(tables.place_table(found)),
        "main_table": table(tables.main_table(found)),
        "short_names": said.short_names(found),
        "rank_summary": table(tables.rank_summary(found)),
        "rank_table": table(tables.rank_table(found)),
        "before_onset": said.before_onset(found),
        "category_table": table(tables.category_table(found)),
        "target": f"{100 * found.table('equal-accuracy').target.iloc[0]:.1f}",
        "tolerance": f"{100 * TOLERANCE:g}",
        "matched_table": table(tables.matched_table(found)),
        "equal_table": table(tables.equal_table(found)),
        "relation_table": table(tables.relation_table(found)),
        "whitened": said.whitened(found),
        "gap": f"{GAP:g}",
        "needs_table": table(tables.needs_table(found)),
        "needs_declared": table(tables.needs_table(found, SPEARMAN)),
        "all_architectures": said.all_architectures(found),
        "architecture_table": table(tables.architecture_table(architectures)),
        "shared": len([rule for rule in tables.shared(architectures.values()) if rule in FAMILY]),
        "not_trained": list(said.not_trained({name: parts[name] for name in ARCHITECTURES if name != MAIN})),
        "interactions": list(said.interactions(found)),
        "beside_table": table(tables.beside_table({name: parts[name] for name in BESIDE})),
        "training_sets": table(tables.training_sets(found, parts["which_rule_mnist"])),
    }


def pages(parts: Mapping[str, Findings]) -> dict[str, str]:
    """Return the text of both pages by name."""
    known = values(parts)
    environment = Environment(autoescape=False, keep_trailing_newline=True, undefined=StrictUndefined)
    templates = {name: (Path(__file__).parent / file).read_text(encoding="utf-8") for name, file in PAGES.items()}
    return {name: environment.from_string(text).render(known) for name, text in templates.items()}


def main() -> None:
    """Write the figures and both pages."""
    parts = {name: Findings(name) for name in (MAIN, *BESIDE)}
    save_figures(parts[MAIN])
    for name, text in pages(parts).items():
        page = ROOT / "docs" / f"{name}.md"
        write_text(page, text)
        print(page.relative_to(ROOT))


if __name__ == "__main__":
    main()
