"""Where the files are: a folder of the reader's, the cache, or the official source."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "BNNKIT_DATA"


@dataclass(frozen=True)
class Remote:
    """A file that can be downloaded: its addresses, its size in bytes, its known MD5."""

    name: str
    urls: tuple[str, ...]
    size: int
    md5: str


def data_folder() -> Path | None:
    """Return the folder that ``BNNKIT_DATA`` names, ``None`` if it is not set.

    Raises ``FileNotFoundError`` if there is no such folder.
    """
    value = os.environ.get(VARIABLE)
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"{VARIABLE} is set to {value}, which is not a folder")
    return folder


def cache_folder() -> Path:
    """Return the folder that keeps downloads (it need not exist yet)."""
    import pooch

    return Path(pooch.os_cache("bnnkit"))


def local_folder(name: str, folder=None) -> Path | None:
    """Return ``folder`` if it is given, else ``$BNNKIT_DATA/name`` if that is a folder."""
    if folder is not None:
        if not isinstance(folder, (str, os.PathLike)):
            raise TypeError(f"folder must be a path, got {type(folder).__name__}")
        place = Path(folder).expanduser()
        if not place.is_dir():
            raise FileNotFoundError(f"folder {place} does not exist")
        return place
    base = data_folder()
    return base / name if base is not None and (base / name).is_dir() else None


def fetch(title: str, name: str, remotes: tuple[Remote, ...], download: bool = True) -> Path:
    """Return the cache's folder ``name`` with all ``remotes`` in it, intact.

    What is missing or damaged is downloaded, after saying what and how much. A file only appears
    in the cache once it is complete and its checksum is right. Raises ``ValueError`` for a wrong
    checksum and ``FileNotFoundError``, with what to do instead, if the file cannot be had.
    """
    folder = cache_folder() / name
    missing = [remote for remote in remotes if not has_md5(folder / remote.name, remote.md5)]
    if missing and not download:
        raise FileNotFoundError(f"{title} is not in {folder}. {_by_hand(name, remotes)}")
    if missing:
        size = sum(remote.size for remote in missing) / 1e6
        source = missing[0].urls[0].split("/")[2]
        print(f"bnnkit: downloading {title}, {size:.1f} MB, from {source} to {folder}",
              file=sys.stderr, flush=True)  # fmt: skip
    for remote in missing:
        _retrieve(remote, folder, f"{title} could not be downloaded. {_by_hand(name, remotes)}")
    return folder


def has_md5(path: Path, md5: str) -> bool:
    """Return whether ``path`` is a file with this MD5."""
    import pooch

    return path.is_file() and pooch.file_hash(str(path), alg="md5") == md5


def _retrieve(remote: Remote, folder: Path, advice: str) -> None:
    import pooch

    failures = []
    for url in remote.urls:
        try:
            pooch.retrieve(
                url, known_hash=f"md5:{remote.md5}", fname=remote.name, path=folder,
                progressbar=sys.stderr.isatty(),
            )  # fmt: skip
            return
        except (OSError, ValueError) as error:  # no network, no such page; a wrong checksum
            failures.append(error)
    for failure in failures:
        if isinstance(failure, ValueError) and not isinstance(failure, OSError):
            raise ValueError(
                f"{remote.name} came with a wrong checksum and was thrown away: {failure}"
            ) from failure
    reason = "; ".join(str(failure) for failure in failures)
    raise FileNotFoundError(f"{advice} (The reason: {reason})") from failures[-1]


def _by_hand(name: str, remotes: tuple[Remote, ...]) -> str:
    urls = " ".join(remote.urls[0] for remote in remotes)
    return (
        f"To place the files by hand, get {urls} and put them into a folder DATA/{name}, then "
        f"set the environment variable {VARIABLE}=DATA."
    )
