"""Whether everything is here that the package needs: versions, device, data, a place to write."""

import os
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from brainalign import __version__
from brainalign.provenance import versions

#: Packages that read recordings, beside those that numbers depend on.
_READERS = ("mne", "mne-bids", "nilearn", "nibabel", "rsatoolbox", "h5py", "pymatreader")


class Check(NamedTuple):
    """One thing that was looked at: what, how it stands, and what to do where it is missing."""

    what: str
    state: str
    remedy: str = ""


def health(data_dir: str | None = None) -> list[Check]:
    """Return how everything stands that the package needs, in the order of a reader's questions.

    Parameters
    ----------
    data_dir
        Folder that holds ``<data set>/<file>``, beside those that are looked in anyway.
    """
    return [*_versions(), *_machine(), *_data(data_dir), _cache(), *_own()]


def _versions() -> list[Check]:
    found = versions()
    found.pop("brainalign"), found.pop("python")
    checks = [Check("brainalign", f"{__version__}, Python {sys.version.split()[0]}")]
    for name, number in (*found.items(), *((name, _version(name)) for name in _READERS)):
        missing = number == "not installed"
        checks.append(Check(name, number, f"pip install {name}" if missing else ""))
    return checks


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _machine() -> list[Check]:
    import torch

    n = torch.cuda.device_count() if torch.cuda.is_available() else 0
    gpus = ", ".join(torch.cuda.get_device_name(k) for k in range(n))
    device = Check("device", f"cuda: {gpus}" if n else "cpu; no GPU is seen, which the command does not need")
    threads = f"torch uses {torch.get_num_threads()} of {os.cpu_count()} cores"
    return [device, Check("threads", threads, "" if torch.get_num_threads() > 1 else _THREADS)]


_THREADS = "set OMP_NUM_THREADS to the number of cores for one study at a time"


def _data(data_dir: str | None) -> list[Check]:
    from brainalign.datasets.manifest import cache_folder, copy_of, manifests, missing_files

    folders = [data_dir, os.environ.get("BRAINALIGN_DATA"), str(cache_folder())]
    looked = ", ".join(str(folder) for folder in folders if folder)
    checks = [Check("data folders", looked, "" if os.environ.get("BRAINALIGN_DATA") or data_dir else _FOLDER)]
    for name, manifest in manifests().items():
        if not manifest.files:
            home = copy_of(name, data_dir) if manifest.kind == "recording" else ""
            here = Check(f"data: {name}", f"your copy in {home}")
            checks.append(here if home else Check(f"data: {name}", *manifest.without_files))
            continue
        missing, home = missing_files(name, data_dir)
        state = f"in {home}" if not missing else f"{len(missing)} of {len(manifest.files)} files are missing"
        remedy = f"brainalign data fetch {name}" if all(e.url for e in manifest.files) else manifest.instructions
        checks.append(Check(f"data: {name}", state, remedy if missing else ""))
    return checks


_FOLDER = "set BRAINALIGN_DATA to a folder with <data set>/<file> to use files that you have"


def _cache() -> Check:
    from brainalign.datasets.manifest import cache_folder

    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check(
            "cache", f"{folder} cannot be written ({error.strerror or error})", "give --data-dir to 'data fetch'"
        )
    return Check("cache", f"{folder} can be written")


def _own() -> list[Check]:
    from brainalign.own_folders import VARIABLE, own_folders

    folders = [str(folder) for folder in own_folders()]
    absent = [folder for folder in folders if not Path(folder).is_dir()]
    state = ", ".join(folders) or "none"
    return [Check("folders of your own", state, f"make {absent[0]}, or change {VARIABLE}" if absent else "")]
