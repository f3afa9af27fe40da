"""Which code and which versions produced a result."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from brainalign import __version__
from brainalign.storage import content_hash

#: What weights depend on.
TRAINING_ROOMS = ("randomness.py", "datasets", "networks", "credit", "rules", "training")


def code_hash(*rooms: str) -> str:
    """Return a content hash of this package's source, or of some of its rooms."""
    root = Path(__file__).parent
    files = [path for path in sorted(root.rglob("*.py")) if not rooms or path.relative_to(root).parts[0] in rooms]
    return content_hash({path.relative_to(root).as_posix(): path.read_text("utf-8") for path in files})


def versions() -> dict[str, str]:
    """Return versions of Python, this package and what numbers depend on."""
    found = {"python": platform.python_version(), "brainalign": __version__}
    for package in ("torch", "numpy", "scipy", "scikit-learn", "himalaya", "pandas", "matplotlib"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
