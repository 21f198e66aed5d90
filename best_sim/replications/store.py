"""Finished chunks on disk: each is written whole or not at all, found again, checked, and never written twice.

A run is a folder::

    manifest.json                                 what is run, and how far it has come
    chunks/00000000-00000020.93ab….4f1c….parquet  replicates 0 to 19, what they are of, and a checksum of all that
    chunks/families-390/...                       those of one leg, where a run has several

A chunk is written under another name, forced to disk, and renamed. What it is of and its checksum are in its name, so
that this renaming is all there is to a commit: there is no journal that could be torn, and no order in which chunks
have to come. What was killed at any moment goes on with the chunks that are missing. A chunk of something else is
never counted, nor is a replicate that lies in two chunks counted twice.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from best_sim.replications.plan import whole_from_start

State = Literal["finished", "running", "interrupted", "damaged"]
MANIFEST, CHUNKS, DAMAGED = "manifest.json", "chunks", "damaged"
SCRATCH = ".writing."
"""How the name of a folder begins in which tables are written before they take their places."""
_LONGEST_NAME = 255
_LOCK, _DRAFT = ".lock", ".draft-"
_NAME = re.compile(r"(\d{8,})-(\d{8,})\.([0-9a-f]{16})\.([0-9a-f]{32})\.parquet")
_LEG = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


class StoreError(Exception):
    """A folder that can't be used as the store of a run; the message says which, and why."""


class HeldError(StoreError):
    """Another process is writing to the run."""


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
    of : str
        What the chunks are of, sixteen hexadecimal digits.

    Attributes
    ----------
    foreign : list of pathlib.Path
        Chunks that are of something else: they lie there, and are not counted.
    """

    def __init__(self, folder: Path, run: Path, of: str) -> None:
        self.folder, self._run, self._of = folder, run, of
        self._files: list[tuple[range, Path]] = []
        self.foreign: list[Path] = []
        for path in sorted(folder.glob("*.parquet")):
            if (match := _NAME.fullmatch(path.name)) is None:
                continue
            if match[3] == of:
                self._files.append((range(int(match[1]), int(match[2])), path))
            else:
                self.foreign.append(path)

    @cached_property
    def _paths(self) -> dict[range, Path]:
        """One file for each chunk, in order; of chunks that overlap, the earlier, and the longer."""
        chosen: dict[range, Path] = {}
        end = 0
        for numbers, path in sorted(self._files, key=lambda one: (one[0].start, -one[0].stop)):
            if numbers.start >= end:
                chosen[numbers], end = path, numbers.stop
        return chosen

    def done(self) -> list[range]:
        """The chunks that are there, in order; no replicate is in two of them."""
        return list(self._paths)

    def put(self, numbers: range, data: bytes) -> None:
        """Write a chunk, whole or not at all."""
        name = f"{numbers.start:08d}-{numbers.stop:08d}.{self._of}.{self._checksum(numbers, data)}.parquet"
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / name, data)
        self._files.append((numbers, self.folder / name))
        self.__dict__.pop("_paths", None)

    def _checksum(self, numbers: range, data: bytes) -> str:
        """Of the bytes, whose they are, and which: a chunk under another's name is damaged."""
        digest = hashlib.blake2b(data, digest_size=16)
        digest.update(f"{self._of} {numbers.start} {numbers.stop}".encode())
        return digest.hexdigest()

    def get(self, numbers: range) -> bytes:
        """The bytes of a chunk that is there.

        Raises
        ------
        StoreError
            If they are not those that were written.
        """
        return self._read(numbers, self._paths[numbers])

    def _read(self, numbers: range, path: Path) -> bytes:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StoreError(f"{path}: this chunk can't be read: {error}") from error
        if self._checksum(numbers, data) != path.name.split(".")[2]:
            raise StoreError(
                f"{path}: this chunk is damaged; `--resume {self._run}` finds it and runs it again"
            )
        return data

    def set_damaged_aside(self, aside: Path) -> list[Damaged]:
        """Check every chunk, and move those that are not what was written elsewhere, so that they are missing."""
        damaged = []
        for numbers, path in list(self._files):
            try:
                self._read(numbers, path)
            except StoreError:
                aside.mkdir(parents=True, exist_ok=True)
                path.replace(aside / path.name)
                self._files.remove((numbers, path))
                self.__dict__.pop("_paths", None)
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
        of = str(self.manifest.get("of", ""))
        self._of = hashlib.blake2b(of.encode(), digest_size=8).hexdigest()
        self._main = self._chunks(self.folder / CHUNKS)

    def _chunks(self, folder: Path) -> Chunks:
        return Chunks(folder, self.folder, self._of)

    @classmethod
    def create(cls, folder: Path, manifest: dict[str, Any]) -> Store:
        """Begin a run in a folder.

        Parameters
        ----------
        folder : pathlib.Path
            New, or empty.
        manifest : dict
            What is run; anything that JSON can hold. Its ``of`` says what the replicates are of: chunks that were
            written under another are not counted.

        Raises
        ------
        StoreError
            If something is there already.
        """
        folder = Path(folder)
        if (why := why_no_run_fits(folder)) is not None:
            raise StoreError(f"{folder}: {why}")
        made = [one for one in (folder, *folder.parents) if not one.exists()]
        try:
            (folder / CHUNKS).mkdir(parents=True)
            write_whole(folder / MANIFEST, _as_json(manifest | {"state": "running", "changed": _now()}))
        except OSError as error:
            for one in (folder / CHUNKS, *made):
                with suppress(OSError):
                    one.rmdir()
            raise StoreError(f"{folder}: nothing can be written here: {error.strerror}") from error
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
        return self._chunks(self.folder / CHUNKS / name)

    def legs(self) -> list[str]:
        """Names of the legs that have been begun, beside the run's own."""
        return sorted(path.name for path in (self.folder / CHUNKS).glob("*/") if _LEG.fullmatch(path.name))

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

    def foreign(self) -> list[Path]:
        """Chunks, in all legs, that are of something else."""
        return [path for name in ("", *self.legs()) for path in self.leg(name).foreign]

    def set_damaged_aside(self) -> list[Damaged]:
        """Check every chunk, and move those that are not what was written out of the way, so that they are missing."""
        for scratch in self.folder.glob(f"{SCRATCH}*"):  # of a process that was killed as it wrote tables
            shutil.rmtree(scratch, ignore_errors=True)
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
        HeldError
            (a `StoreError`) If another process holds it.
        StoreError
            If it can't be held, as where its lock is no file or can't be written.
        """
        path = self.folder / _LOCK
        lock = FileLock(path, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise HeldError(
                f"{self.folder}: another process is running this; wait for it, or stop it"
            ) from None
        except OSError as error:
            raise StoreError(f"{path}: this run can't be locked: {error.strerror}") from error
        try:
            yield
        finally:
            lock.release()

    @property
    def is_held(self) -> bool:
        """Whether a process is known to run it; where nothing can be locked, none is."""
        if not (self.folder / _LOCK).exists():
            return False
        try:
            with self.held():
                return False
        except HeldError:
            return True
        except StoreError:
            return False

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
        asked = self.manifest.get("replicates_asked")
        whole = bool(self.legs()) or whole_from_start(self) >= (asked if isinstance(asked, int) else 0)
        return "finished" if whole and self.manifest.get("state") == "finished" else "interrupted"

    @property
    def size(self) -> int:
        """Bytes that the folder takes."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def why_no_run_fits(folder: Path) -> str | None:
    """Why a run can't be begun in a folder, to be asked before any long work; None where it can.

    Parameters
    ----------
    folder : pathlib.Path
    """
    try:
        if folder.exists():
            if not folder.is_dir():
                return "it is a file"
            if any(folder.iterdir()):
                return "it is in use: it is not empty"
            there = folder
        else:
            there = next(above for above in folder.absolute().parents if above.exists())
            longest = os.pathconf(there, "PC_NAME_MAX") if os.name == "posix" else _LONGEST_NAME
            if any(len(os.fsencode(part)) > longest for part in folder.parts):
                return f"no folder can be made here: a name is longer than {longest} bytes"
            if not there.is_dir():
                return f"{there} is a file, and no folder"
    except OSError as error:
        return f"no folder can be made here: {error.strerror}"
    except ValueError as error:  # a name with a zero in it
        return f"no folder can be made here: {error}"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"nothing can be written here: no permission to write to {there}"
    return None


def find_stores(folder: Path) -> list[Store]:
    """Every run in a folder and below it, in order of name.

    Parameters
    ----------
    folder : pathlib.Path
    """
    found = []
    for path in sorted(Path(folder).rglob(MANIFEST)):
        try:
            store = Store(path.parent)
        except StoreError:
            continue
        if "kind" in store.manifest or (path.parent / CHUNKS).is_dir():
            found.append(store)
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


def _as_json(manifest: dict[str, Any]) -> bytes:
    return (json.dumps(manifest, indent=2, default=str) + "\n").encode()


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
