"""Fetching one address into one file."""

from pathlib import Path

from brainalign.errors import DataError


def download(url: str, path: Path, progress: bool = False) -> None:
    """Write what ``url`` serves to ``path``; whether it is the right file is for the caller to check.

    Raises
    ------
    DataError
        If the address does not answer with a file.
    """
    import pooch
    import requests

    bar = _Bar(url.rsplit("/", 1)[-1]) if progress else None
    try:
        pooch.HTTPDownloader(progressbar=bar or False, chunk_size=1 << 16)(url, str(path), None)
    except requests.RequestException as error:
        msg = f"Could not download {url} ({error}). Check the connection and run the command again; nothing was kept."
        raise DataError(msg) from error
    finally:
        if bar:
            bar.close()


class _Bar:
    """The progress bar that pooch drives, drawn with rich."""

    def __init__(self, title: str) -> None:
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

        self._progress = Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        self._task = self._progress.add_task(title, total=None)
        self._progress.start()

    @property
    def total(self) -> float | None:
        return self._progress.tasks[0].total

    @total.setter
    def total(self, value: int) -> None:
        self._progress.update(self._task, total=value or None)

    def update(self, n: int) -> None:
        self._progress.advance(self._task, n)

    def reset(self) -> None:
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        self._progress.stop()
