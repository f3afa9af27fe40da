"""What was found in pictures, kept beside the scores of a study: pictures of a training set are not decoded again."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from brainalign.data_check.finding import Finding
from brainalign.datasets.manifest import load_manifest, manifests
from brainalign.datasets.stimuli import Stimuli
from brainalign.provenance import code_hash
from brainalign.storage import content_hash, write_text


@dataclass(frozen=True)
class KeptFindings:
    """Findings in a folder, each look under a hash of what was shown, of the training set's name and of the code.

    Parameters
    ----------
    folder
        Where they are kept.
    """

    folder: Path

    def __call__(self, shown: Stimuli, name: str, look: Callable[[], Iterable[Finding]]) -> Iterable[Finding]:
        """Return what an earlier look found, else look and keep it; a file that cannot be read is written again."""
        files = {one.path: one.key for one in load_manifest(name).files} if name in manifests() else {}
        if not files:  # comes with a package, or is one's own: quick, or not known to be the same
            return list(look())
        code = code_hash("brainalign.data_check.source", f"brainalign.datasets.{name}")
        path = self.folder / f"findings-{content_hash(shown.key, files, code)[:16]}.json"
        try:
            return [Finding(**one) for one in json.loads(path.read_text("utf-8"))]
        except (OSError, ValueError, TypeError):
            found = list(look())
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps([asdict(one) for one in found], indent=1))
        return found
