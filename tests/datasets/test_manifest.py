import functools
import gzip
import hashlib
import http.server
import re
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from brainalign.datasets import manifest as module
from brainalign.datasets.manifest import fetch, load_manifest, locate, manifests, verify
from brainalign.errors import DataError, ManifestError

EMBEDDED = {"digits", "diabetes", "generated_regression"}
NAMES = EMBEDDED | {"mnist", "cifar10_jpeg", "kriegeskorte92", "cichy92", "macaque_v4"}
BYTES = b"responses of one unit"


def toml(url: str = "", sha256: str = hashlib.sha256(BYTES).hexdigest(), path: str = "a.bin", more: str = "") -> str:
    return f"""
name = "toy"
title = "Toy"
kind = "images"
modality = "images"
citation = "Nobody (1900)"
doi = ""
layout = "bytes"
cautions = ["none"]
instructions = "Ask for it."
[licence]
text = "CC0"
redistribute = "yes"
[source]
repository = ""
commit = ""
[[files]]
path = "{path}"
url = "{url}"
sha256 = "{sha256}"
bytes = {len(BYTES)}
{more}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Manifest folder of a toy data set, an empty user cache, and no environment variable."""
    manifests_folder = tmp_path / "manifests"
    manifests_folder.mkdir()
    (manifests_folder / "toy.toml").write_text(toml())
    monkeypatch.setattr(module, "_folder", lambda: manifests_folder)
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.delenv("BRAINALIGN_DATA", raising=False)
    return manifests_folder


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    served = tmp_path / "served"
    served.mkdir()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(served)))
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield served, f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def put(root: Path, content: bytes = BYTES) -> Path:
    path = root / "toy" / "a.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def one_line(error: pytest.ExceptionInfo[BaseException]) -> str:
    message = str(error.value)
    assert "\n" not in message
    return message


def files_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_manifests_describe_every_shipped_set() -> None:
    found = manifests()
    assert set(found) >= NAMES
    assert {name for name, one in found.items() if not one.files and one.kind != "recording"} == EMBEDDED
    for manifest in found.values():
        assert manifest.citation
        assert manifest.licence
        assert manifest.layout
        assert manifest.cautions
        for entry in manifest.files:
            assert entry.url.startswith("https://") or manifest.instructions
            # A branch name in an address would serve other bytes one day.
            assert "github" not in entry.url or re.search(r"/[0-9a-f]{40}(/|$)", entry.url)
            assert not manifest.commit or len(manifest.commit) == 40


def test_manifest_hashes_agree_with_the_real_files(data_dir: str) -> None:
    for name in sorted(NAMES):
        table = verify(name, data_dir)
        assert list(table["status"]) == ["ok"] * len(load_manifest(name).files)
        for entry, path in zip(load_manifest(name).files, table["path"], strict=True):
            assert Path(path).stat().st_size == entry.bytes


def test_manifests_are_found_in_the_source_tree_and_in_the_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PACKAGE", tmp_path / "brainalign")
    beside, inside = tmp_path / "data_manifests", tmp_path / "brainalign" / "data_manifests"
    for folder in (beside, inside):
        folder.mkdir(parents=True)
        (folder / "toy.toml").write_text(toml().replace("Toy", folder.parent.name))
        assert load_manifest("toy").title == folder.parent.name


def test_unknown_names_list_the_alternatives(folder: Path) -> None:
    with pytest.raises(ManifestError, match=r"'toi'.*toy") as error:
        load_manifest("toi")
    one_line(error)
    with pytest.raises(ManifestError, match=r"'b.bin'.*a.bin"):
        locate("toy", "b.bin")
    with pytest.raises(ManifestError, match="Unknown data set"):
        load_manifest("../manifests/toy")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('colour = "red"\n' + toml(), "unknown key 'colour'"),
        (toml(more='mirror = "x"'), "unknown key 'mirror'"),
        (toml().replace('commit = ""', 'commit = ""\nbranch = "main"'), "source"),
        (toml().replace('citation = "Nobody (1900)"', ""), "lacks the key 'citation'"),
        (toml().replace('kind = "images"', 'kind = "movies"'), "'movies'"),
        (toml().replace('name = "toy"', 'name = "toyota"'), "'toyota'"),
        (toml().replace('redistribute = "yes"', 'redistribute = "maybe"'), "'maybe'"),
        (toml().replace('title = "Toy"', "title = 3"), "title is 3"),
        (toml().replace('instructions = "Ask for it."', ""), "instructions"),
        (toml(sha256="beef"), "64 hexadecimal"),
        (toml(path="../a.bin"), "inside the data set"),
        ("name = ", "not valid TOML"),
    ],
)
def test_malformed_manifest_is_refused(folder: Path, text: str, complaint: str) -> None:
    (folder / "toy.toml").write_text(text)
    with pytest.raises(ManifestError, match=complaint) as error:
        load_manifest("toy")
    one_line(error)


def test_lookup_order_is_folder_then_environment_then_cache(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_cache = put(tmp_path / "cache")
    assert locate("toy", "a.bin") == in_cache
    in_environment = put(tmp_path / "environment")
    monkeypatch.setenv("BRAINALIGN_DATA", str(tmp_path / "environment"))
    assert locate("toy", "a.bin") == in_environment
    in_folder = put(tmp_path / "folder")
    assert locate("toy", "a.bin", tmp_path / "folder") == in_folder
    in_folder.unlink()
    assert locate("toy", "a.bin", tmp_path / "folder") == in_environment


def test_missing_file_names_the_remedy(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="brainalign data fetch toy") as error:
        locate("toy", "a.bin", tmp_path / "empty")
    assert str(tmp_path / "empty") in one_line(error)
    assert list(verify("toy")["status"]) == ["missing"]


@pytest.mark.parametrize("content", [b"Responses of one unit", BYTES[:-1], b"", BYTES + b"\n"])
def test_altered_or_truncated_file_is_refused(folder: Path, tmp_path: Path, content: bytes) -> None:
    path = put(tmp_path / "data", content)
    with pytest.raises(DataError, match="Delete it and run 'brainalign data fetch toy'") as error:
        locate("toy", "a.bin", tmp_path / "data")
    message = one_line(error)
    assert str(path) in message
    assert hashlib.sha256(BYTES).hexdigest()[:12] in message
    assert hashlib.sha256(content).hexdigest()[:12] in message
    assert f"({len(content)} bytes)" in message
    row = verify("toy", tmp_path / "data").iloc[0]
    assert (row["status"], hashlib.sha256(content).hexdigest()[:12] in row["found"]) == ("altered", True)


def test_file_altered_after_the_first_load_is_refused(folder: Path, tmp_path: Path) -> None:
    path = put(tmp_path / "data")
    assert locate("toy", "a.bin", tmp_path / "data") == path
    path.write_bytes(BYTES.replace(b"one", b"two"))
    with pytest.raises(DataError):
        locate("toy", "a.bin", tmp_path / "data")


def test_second_locate_does_not_hash_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "data")
    locate("toy", "a.bin", tmp_path / "data")
    monkeypatch.setattr(module.ManifestFile, "fault", lambda *_: pytest.fail("hashed again"))
    locate("toy", "a.bin", tmp_path / "data")


def test_fetch_downloads_once_and_replaces_an_altered_copy(
    folder: Path, tmp_path: Path, server: tuple[Path, str]
) -> None:
    served, address = server
    (served / "a.bin").write_bytes(BYTES)
    (folder / "toy.toml").write_text(toml(f"{address}/a.bin"))
    target = tmp_path / "cache" / "toy" / "a.bin"
    assert fetch("toy") == [target]
    assert target.read_bytes() == BYTES
    (served / "a.bin").unlink()
    assert fetch("toy") == [target]  # whole, so not asked for again
    (served / "a.bin").write_bytes(BYTES)
    target.write_bytes(b"rotten")
    assert fetch("toy", progress=True) == [target]
    assert target.read_bytes() == BYTES
    assert fetch("toy", tmp_path / "elsewhere") == [target]  # found whole in the cache


def test_bad_download_leaves_nothing_behind(folder: Path, tmp_path: Path, server: tuple[Path, str]) -> None:
    served, address = server
    (served / "a.bin").write_bytes(b"404: this is not the file")
    (folder / "toy.toml").write_text(toml(f"{address}/a.bin"))
    with pytest.raises(DataError, match="Nothing was kept") as error:
        fetch("toy")
    one_line(error)
    assert files_under(tmp_path / "cache") == []
    (served / "a.bin").unlink()
    with pytest.raises(DataError, match="Could not download") as error:
        fetch("toy")
    one_line(error)
    assert files_under(tmp_path / "cache") == []


def test_bad_download_keeps_the_altered_copy_but_no_loader_sees_it(
    folder: Path, tmp_path: Path, server: tuple[Path, str]
) -> None:
    served, address = server
    (served / "a.bin").write_bytes(b"wrong")
    (folder / "toy.toml").write_text(toml(f"{address}/a.bin"))
    put(tmp_path / "cache", b"rotten")
    with pytest.raises(DataError):
        fetch("toy")
    with pytest.raises(DataError):
        locate("toy", "a.bin")


def test_fetch_does_not_replace_files_of_others(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: tuple[Path, str]
) -> None:
    served, address = server
    (served / "a.bin").write_bytes(BYTES)
    (folder / "toy.toml").write_text(toml(f"{address}/a.bin"))
    mine = put(tmp_path / "mine", b"rotten")
    monkeypatch.setenv("BRAINALIGN_DATA", str(tmp_path / "mine"))
    with pytest.raises(DataError, match="Delete it"):
        fetch("toy")
    assert mine.read_bytes() == b"rotten"


def test_fetch_without_an_address_says_how(folder: Path) -> None:
    with pytest.raises(DataError, match="Ask for it") as error:
        fetch("toy")
    one_line(error)
    assert load_manifest("toy").instructions == "Ask for it."


def test_gzip_is_accepted_by_its_content(folder: Path, tmp_path: Path) -> None:
    content = f'content_sha256 = "{hashlib.sha256(BYTES).hexdigest()}"'
    (folder / "toy.toml").write_text(toml(sha256="0" * 64, path="a.gz", more=content))
    path = tmp_path / "data" / "toy" / "a.gz"
    path.parent.mkdir(parents=True)
    for level in (1, 9):
        path.write_bytes(gzip.compress(BYTES, level, mtime=level))
        assert locate("toy", "a.gz", tmp_path / "data") == path
    whole = path.read_bytes()
    for broken in (whole[:-9], b"\0" + whole[1:], gzip.compress(BYTES + b"!"), b""):
        path.write_bytes(broken)
        with pytest.raises(DataError):
            locate("toy", "a.gz", tmp_path / "data")


def test_mnist_is_accepted_in_any_wrapper(data_dir: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BRAINALIGN_DATA", raising=False)
    file = "t10k-labels-idx1-ubyte.gz"
    path = tmp_path / "mnist" / file
    path.parent.mkdir()
    content = gzip.decompress((Path(data_dir) / "mnist" / file).read_bytes())
    assert hashlib.md5(content).hexdigest() == load_manifest("mnist").file(file).content_md5
    path.write_bytes(gzip.compress(content, 1, mtime=1))
    assert hashlib.sha256(path.read_bytes()).hexdigest() != load_manifest("mnist").file(file).sha256
    assert locate("mnist", file, tmp_path) == path
    path.write_bytes(gzip.compress(content[:-1] + bytes([content[-1] ^ 1])))
    with pytest.raises(DataError):
        locate("mnist", file, tmp_path)


def test_zip_is_accepted_by_its_images(folder: Path, tmp_path: Path) -> None:
    images = {"test/cat/0.jpg": b"cat", "train/dog/1.jpg": b"dog"}
    digest = hashlib.sha256(
        b"".join(name.encode() + b"\0" + hashlib.sha256(images[name]).digest() for name in sorted(images))
    )
    more = f'content_sha256 = "{digest.hexdigest()}"'
    (folder / "toy.toml").write_text(toml(sha256="0" * 64, path="a.zip", more=more))
    path = tmp_path / "data" / "toy" / "a.zip"
    path.parent.mkdir(parents=True)

    def write(members: dict[str, bytes]) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    for members in (images, {f"sources-1/{k}": v for k, v in reversed(images.items())} | {"sources-1/README": b"hi"}):
        write(members)
        assert locate("toy", "a.zip", tmp_path / "data") == path
    for members in (images | {"test/cat/0.jpg": b"cut"}, {"test/cat/0.jpg": b"cat"}, images | {"test/cat/1.jpg": b""}):
        write(members)
        with pytest.raises(DataError):
            locate("toy", "a.zip", tmp_path / "data")


def test_altered_recording_never_reaches_its_loader(
    data_dir: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from brainalign.recordings.macaque_v4 import MacaqueV4

    monkeypatch.delenv("BRAINALIGN_DATA", raising=False)
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")
    path = tmp_path / "macaque_v4" / "responses_201025.npy"
    path.parent.mkdir()
    shutil.copyfile(Path(data_dir) / "macaque_v4" / path.name, path)
    source = MacaqueV4(str(tmp_path), session="201025")
    assert len(source.recordings()) == 1
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="responses_201025") as error:
        source.recordings()
    one_line(error)
    path.write_bytes(content[:-8])
    with pytest.raises(DataError):
        source.rdms("V4")
    path.unlink()
    with pytest.raises(DataError, match="data fetch macaque_v4"):
        source.recordings()
