"""Finished chunks on disk: each is written whole or not at all, found again, checked, and never written twice.

A run is a folder::

    manifest.json                           what is run, and how far it has come
    chunks/00000000-00000020.4f1c….parquet  replicates 0 to 19, and the checksum of the file's bytes
    chunks/families-390/...                 those of one leg, where a run has several

A chunk is written under another name, forced to disk, and renamed. Its checksum is in its name, so that this renaming
is all there is to a commit: there is no journal that could be torn, and no order in which chunks have to come. What
was killed at any moment goes on with the chunks that are missing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from best_sim.replications.plan import whole_from_start

State = Literal["finished", "running", "interrupted", "damaged"]
MANIFEST, CHUNKS, DAMAGED = "manifest.json", "chunks", "damaged"
_LOCK, _DRAFT = ".lock", ".draft-"
_NAME = re.compile(r"(\d{8,})-(\d{8,})\.([0-9a-f]{32})\.parquet")
_LEG = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


class StoreError(Exception):
    """A folder that can't be used as the store of a run; the message says which, and why."""


@dataclass(frozen=True)
class Damaged:
    """A chunk that is not what was written.

    Attributes
    ----------
    path : pathlib.Path
        Where it was.
    moved_to : pathlib.Path
        Where it is now.
    """

    path: Path
    moved_to: Path


class Chunks:
    """Finished chunks in a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Need not be there before something is put into it.
    run : pathlib.Path
        The run's folder, to be named in messages.
    """

    def __init__(self, folder: Path, run: Path) -> None:
        self.folder, self._run = folder, run
        self._paths: dict[range, Path] = {}
        for path in sorted(folder.glob("*.parquet")):
            if match := _NAME.fullmatch(path.name):
                self._paths.setdefault(range(int(match[1]), int(match[2])), path)

    def done(self) -> list[range]:
        """The chunks that are there, in order."""
        return sorted(self._paths, key=lambda numbers: numbers.start)

    def put(self, numbers: range, data: bytes) -> None:
        """Write a chunk, whole or not at all."""
        name = f"{numbers.start:08d}-{numbers.stop:08d}.{_checksum(data)}.parquet"
        self.folder.mkdir(exist_ok=True)
        write_whole(self.folder / name, data)
        self._paths[numbers] = self.folder / name

    def get(self, numbers: range) -> bytes:
        """The bytes of a chunk that is there.

        Raises
        ------
        StoreError
            If they are not those that were written.
        """
        path = self._paths[numbers]
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StoreError(f"{path}: this chunk can't be read: {error}") from error
        if _checksum(data) != path.name.split(".")[1]:
            raise StoreError(
                f"{path}: this chunk is damaged; `--resume {self._run}` finds it and runs it again"
            )
        return data

    def set_damaged_aside(self, aside: Path) -> list[Damaged]:
        """Check every chunk, and move those that are not what was written elsewhere, so that they are missing."""
        damaged = []
        for numbers, path in list(self._paths.items()):
            try:
                self.get(numbers)
            except StoreError:
                aside.mkdir(parents=True, exist_ok=True)
                path.replace(aside / path.name)
                del self._paths[numbers]
                damaged.append(Damaged(path, aside / path.name))
        for draft in self.folder.glob(f"{_DRAFT}*"):  # of a process that was killed
            draft.unlink()
        return damaged


class Store:
    """The chunks of one run, in a folder.

    A question that simulates several things, or decides how far to go, keeps each in a leg of its own, a folder inside
    that of the chunks.

    Parameters
    ----------
    folder : pathlib.Path
        With a manifest: made by `Store.create`, or by an earlier run.

    Raises
    ------
    StoreError
        If there is no run in this folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        try:
            self.manifest: dict[str, Any] = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise StoreError(f"{self.folder}: there is no run here ({MANIFEST} is missing)") from None
        except (OSError, ValueError) as error:
            raise StoreError(f"{self.folder / MANIFEST}: this can't be read: {error}") from error
        if not isinstance(self.manifest, dict):
            raise StoreError(f"{self.folder / MANIFEST}: this is no manifest of a run")
        self._main = Chunks(self.folder / CHUNKS, self.folder)

    @classmethod
    def create(cls, folder: Path, manifest: dict[str, Any]) -> Store:
        """Begin a run in a folder.

        Parameters
        ----------
        folder : pathlib.Path
            New, or empty.
        manifest : dict
            What is run; anything that JSON can hold.

        Raises
        ------
        StoreError
            If something is there already.
        """
        folder = Path(folder)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise StoreError(f"{folder} exists, and is not empty")
        (folder / CHUNKS).mkdir(parents=True)
        write_whole(folder / MANIFEST, _as_json(manifest | {"state": "running", "changed": _now()}))
        return cls(folder)

    # --- chunks ---------------------------------------------------------------------------------------------
    def leg(self, name: str = "") -> Chunks:
        """The chunks of one leg of the run; without a name, the run's only one.

        Parameters
        ----------
        name : str
            Letters, digits, ``-``, ``_`` and ``.``.
        """
        if not name:
            return self._main
        if not _LEG.fullmatch(name):
            raise ValueError(f"leg: found {name!r}, allowed letters, digits, '-', '_' and '.'")
        return Chunks(self.folder / CHUNKS / name, self.folder)

    def legs(self) -> list[str]:
        """Names of the legs that have been begun, beside the run's own."""
        return sorted(path.name for path in (self.folder / CHUNKS).iterdir() if path.is_dir())

    def done(self) -> list[range]:
        """The chunks of the run's own leg, in order."""
        return self._main.done()

    def put(self, numbers: range, data: bytes) -> None:
        """Write a chunk, whole or not at all."""
        self._main.put(numbers, data)

    def get(self, numbers: range) -> bytes:
        """The bytes of a chunk that is there.

        Raises
        ------
        StoreError
            If they are not those that were written.
        """
        return self._main.get(numbers)

    def finished(self) -> int:
        """Replicates that are there, in all legs."""
        return sum(len(numbers) for name in ("", *self.legs()) for numbers in self.leg(name).done())

    def set_damaged_aside(self) -> list[Damaged]:
        """Check every chunk, and move those that are not what was written out of the way, so that they are missing."""
        aside = self.folder / DAMAGED
        damaged = self._main.set_damaged_aside(aside)
        for name in self.legs():
            damaged += self.leg(name).set_damaged_aside(aside / name)
        return damaged

    # --- the run --------------------------------------------------------------------------------------------
    def update(self, **changes: Any) -> None:
        """Change what the manifest says."""
        self.manifest = self.manifest | changes | {"changed": _now()}
        write_whole(self.folder / MANIFEST, _as_json(self.manifest))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the run, so that no other process writes to it. A process that dies lets go of it.

        Raises
        ------
        StoreError
            If another process holds it.
        """
        lock = FileLock(self.folder / _LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise StoreError(
                f"{self.folder}: another process is running this; wait for it, or stop it"
            ) from None
        try:
            yield
        finally:
            lock.release()

    @property
    def is_held(self) -> bool:
        """Whether a process is running it."""
        if not (self.folder / _LOCK).exists():
            return False
        try:
            with self.held():
                return False
        except StoreError:
            return True

    def state(self) -> State:
        """How it stands; every chunk is read and checked, unless it is being run."""
        if self.is_held:
            return "running"
        for leg in (self._main, *map(self.leg, self.legs())):
            for numbers in leg.done():
                try:
                    leg.get(numbers)
                except StoreError:
                    return "damaged"
        whole = bool(self.legs()) or whole_from_start(self) >= (self.manifest.get("replicates_asked") or 0)
        return "finished" if whole and self.manifest.get("state") == "finished" else "interrupted"

    @property
    def size(self) -> int:
        """Bytes that the folder takes."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def find_stores(folder: Path) -> list[Store]:
    """Every run in a folder and below it, in order of name.

    Parameters
    ----------
    folder : pathlib.Path
    """
    found = []
    for path in sorted(Path(folder).rglob(MANIFEST)):
        if (path.parent / CHUNKS).is_dir():
            try:
                found.append(Store(path.parent))
            except StoreError:
                continue
    return found


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that under its name there is nothing, what was there before, or all of it."""
    draft = path.with_name(f"{_DRAFT}{os.getpid()}-{path.name}")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        if os.name == "posix":  # the new name, too, is on disk only when the folder is
            folder = os.open(path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _checksum(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _as_json(manifest: dict[str, Any]) -> bytes:
    return (json.dumps(manifest, indent=2, default=str) + "\n").encode()


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
