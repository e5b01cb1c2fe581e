"""The results file of a batch: one line of JSON for each photo, which later runs add to."""

import contextlib
import fcntl
import json
import os
import shutil
import sqlite3
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from warmlens.errors import WarmlensError

PARTIAL_SUFFIX = ".partial"
_BEGIN = b'{"photo": '


class ResultsFile:
    """The open, locked results file of a batch; :func:`open_results` makes it.

    A line is `{"photo", "source", "answer"}` with the API's answer, or `{"photo", "source",
    "error": {"code", "message"}}`. It is written whole, in one call of the system, so that a
    process that is killed leaves at most the last line unfinished.

    Attributes:
        path: the file.
        source: the folder or bucket that its photos are of.
        version: model and version that answered, as NAME@VERSION; None before the first answer.
        before: number of answers that it had when it was opened.
        classes: number of photos by the label of their first class, without those that the model
            did not recognize.
        closest: number of photos that it did not recognize, by the label of their first class.
        recognized: number of photos that the model recognized.
        not_recognized: number of those that it did not; of a model without a threshold both are 0.
    """

    def __init__(self, path: Path, source: str, descriptor: int) -> None:
        self.path = path
        self.source = source
        self.version: str | None = None
        self.before = 0
        self.classes: Counter[str] = Counter()
        self.closest: Counter[str] = Counter()
        self.recognized = self.not_recognized = 0
        self._descriptor = descriptor
        # On disk as soon as it is large, so that a million photos take little memory.
        self._answered = sqlite3.connect("")
        self._answered.execute("CREATE TABLE answered (photo BLOB PRIMARY KEY) WITHOUT ROWID")

    def has(self, photo: str) -> bool:
        """Return True if the photo had an answer when the file was opened."""
        if not self.before:
            return False
        asked = "SELECT 1 FROM answered WHERE photo = ?"
        return self._answered.execute(asked, (_key(photo),)).fetchone() is not None

    def add_answer(self, photo: str, answer: dict[str, Any]) -> None:
        """Add the answer for a photo.

        Args:
            photo: its name within the source.
            answer: the API's answer.

        Raises:
            WarmlensError: `other_model`: another model or version answered than for the lines
                before, so nothing is written; or what :meth:`add_error` raises.
        """
        version = _version(answer)
        if self.version not in (None, version):
            raise WarmlensError(
                "other_model",
                f"{self.path} has answers of {self.version}, and the service now answers with "
                f"{version}. Give another file with --out, or serve {self.version} again.",
            )
        self._write({"photo": photo, "source": self.source, "answer": answer})
        self._count(answer)

    def add_error(self, photo: str, code: str, message: str) -> None:
        """Add a photo's error, which the next run replaces.

        Raises:
            WarmlensError: `out_failed`: the line could not be written, of which nothing is left.
        """
        error = {"code": code, "message": message}
        self._write({"photo": photo, "source": self.source, "error": error})

    def _write(self, document: dict[str, Any]) -> None:
        line = _line(document)
        size = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, line)
            if written != len(line):  # a full disk takes a part of it
                raise OSError(0, f"only {written} of {len(line)} bytes were written")
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, size)
            raise WarmlensError(
                "out_failed",
                f"{self.path} cannot be written ({error.strerror}). Make room and run the command "
                "again: it continues where it stopped.",
            ) from error

    def _read(self) -> None:
        """Read the lines there are; drop errors and an unfinished last line."""
        drop = False
        size = 0
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                document = _document(line)
                if document is None and not line.endswith(b"\n") and _is_begin(line):
                    break  # a line that was being written when its process was killed
                if document is None:
                    raise WarmlensError(
                        "not_results",
                        f"{self.path}, line {number} is not a line of results. Give another file "
                        "with --out.",
                    )
                size += len(line)
                self._check_source(document["source"])
                if "answer" in document:
                    self._remember(document["photo"], document["answer"])
                else:
                    drop = True
        os.ftruncate(self._descriptor, size)
        self._answered.commit()
        if drop:
            self._drop_errors()

    def _check_source(self, source: str) -> None:
        if source != self.source:
            raise WarmlensError(
                "other_source",
                f"{self.path} has the results of {source}, not of {self.source}. Give another file "
                "with --out.",
            )

    def _remember(self, photo: str, answer: dict[str, Any]) -> None:
        version = _version(answer)
        if self.version not in (None, version):
            raise WarmlensError(
                "other_model",
                f"{self.path} has answers of {self.version} and of {version}. Give another file "
                "with --out.",
            )
        known = "INSERT OR IGNORE INTO answered VALUES (?)"
        if not self._answered.execute(known, (_key(photo),)).rowcount:
            raise WarmlensError(
                "not_results",
                f"{self.path} has two answers for {photo}; it may be two files joined. Give "
                "another file with --out.",
            )
        self.before += 1
        self._count(answer)

    def _count(self, answer: dict[str, Any]) -> None:
        self.version = _version(answer)
        recognized = answer.get("recognized")  # an older API did not say
        self.recognized += recognized is True
        self.not_recognized += recognized is False
        (self.closest if recognized is False else self.classes)[_label(answer)] += 1

    def _drop_errors(self) -> None:
        """Replace the file by a copy without errors, in one step: a kill leaves one of the two."""
        partial = self.path.with_name(self.path.name + PARTIAL_SUFFIX)
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with self.path.open("rb") as lines, os.fdopen(os.dup(descriptor), "wb") as copy:
                copy.writelines(line for line in lines if "answer" in (_document(line) or {}))
            shutil.copymode(self.path, partial)
            os.fsync(descriptor)
            partial.replace(self.path)
        except OSError:
            os.close(descriptor)
            partial.unlink(missing_ok=True)
            raise
        os.close(self._descriptor)
        self._descriptor = descriptor

    def _close(self) -> None:
        os.close(self._descriptor)
        self._answered.close()


@contextmanager
def open_results(path: Path, source: str) -> Iterator[ResultsFile]:
    """Open a results file, or begin one, for as long as the block runs.

    Args:
        path: the file.
        source: the folder or bucket that its photos are of.

    Raises:
        WarmlensError: `out_unusable`: the file cannot be written; `out_in_use`: another process
            writes it; `not_results`, `other_source`, `other_model`: it has other lines than a
            batch of this source and of one model version.
    """
    path = path.resolve()
    try:
        results = ResultsFile(path, source, _locked(path))
        try:
            results._read()
            yield results
        finally:
            results._close()
    except sqlite3.Error as error:  # of the temporary database, which needs room, too
        raise WarmlensError("out_unusable", f"No list of {path} can be kept: {error}.") from error
    except OSError as error:
        where = error.filename or path
        raise WarmlensError("out_unusable", f"{where}: {error.strerror or error}.") from error


def _locked(path: Path) -> int:
    """Return a descriptor of the file with the lock that one process has at a time."""
    while True:
        try:
            is_file = stat.S_ISREG(path.stat().st_mode)
        except FileNotFoundError:
            is_file = True
        if not is_file:
            raise WarmlensError("out_unusable", f"{path} is not a file; name one with --out.")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise WarmlensError(
                "out_in_use", f"Another command is writing {path}; wait for it, or end it."
            ) from None
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)  # another process replaced the file in between


def _line(document: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # a file's name that is not text in UTF-8
        text = json.dumps(document).encode()
    return text + b"\n"


def _document(line: bytes) -> dict[str, Any] | None:
    """Return a line's document, or None if it is no line of results."""
    if not line.endswith(b"\n"):
        return None
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    texts = isinstance(document.get("photo"), str) and isinstance(document.get("source"), str)
    outcome = document.get("answer", document.get("error"))
    return document if texts and isinstance(outcome, dict) else None


def _is_begin(line: bytes) -> bool:
    return line.startswith(_BEGIN) or _BEGIN.startswith(line)


def _version(answer: dict[str, Any]) -> str:
    return f"{answer.get('model')}@{answer.get('version')}"


def _label(answer: dict[str, Any]) -> str:
    return str(answer.get("TOP1_label", answer.get("TOP1_ID", "")))


def _key(photo: str) -> bytes:
    return photo.encode("utf-8", "surrogatepass")
