"""A server on loopback that answers as OSV and npm do, from exports of OSV.

A folder holds `PyPI/all.zip` and `npm/all.zip` as https://osv.dev/docs/#data-dumps describes them.
pip-audit and npm query it instead of their own services.
Sources: https://ossf.github.io/osv-schema/, https://docs.osv.dev/post-v1-query/, npm's bulk
advisories as its `audit-report.js` reads them.
"""

import gzip
import json
import re
import threading
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

Record = dict[str, Any]
OSV_PATH = "/v1/query"
NPM_PATH = "/-/npm/v1/security/advisories/bulk"


class Export:
    """The records of one ecosystem.

    Args:
        folder: the folder of all exports.
        ecosystem: `PyPI` or `npm`.

    Raises:
        OSError, ValueError: the export is missing, or is not an archive of records.
    """

    def __init__(self, folder: Path, ecosystem: str) -> None:
        self.ecosystem = ecosystem
        self.newest = ""
        self._members: dict[str, list[str]] = defaultdict(list)
        path = folder / ecosystem / "all.zip"
        try:
            self._archive = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise ValueError(f"{path} is not an archive: {error}") from error
        try:
            self._index()
        except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
            self.close()
            raise ValueError(f"{path} is not an export of OSV: {error!r}") from error
        if not self._members:
            self.close()
            raise ValueError(f"{path} has no record of a package of {ecosystem}")

    def _index(self) -> None:
        for member in self._archive.namelist():
            record = json.loads(self._archive.read(member))
            self.newest = max(self.newest, record["modified"][:10])
            for name in {_normal(each) for each in self._names(record)}:
                self._members[name].append(member)

    def _names(self, record: Record) -> Iterator[str]:
        for affected in record.get("affected", ()):
            package = affected.get("package", {})
            if package.get("ecosystem") == self.ecosystem:
                yield package["name"]

    def close(self) -> None:
        """Close the archive."""
        self._archive.close()

    def of(self, name: str) -> Iterator[tuple[Record, list[Record]]]:
        """Yield the records of a package, except withdrawn ones, with their entries about it."""
        for member in self._members.get(_normal(name), ()):
            record = json.loads(self._archive.read(member))
            if "withdrawn" not in record:
                yield (
                    record,
                    [
                        each
                        for each in record["affected"]
                        if each.get("package", {}).get("ecosystem") == self.ecosystem
                        and _normal(each["package"]["name"]) == _normal(name)
                    ],
                )


def _normal(name: str) -> str:
    """Return a name as PyPI compares it; no two npm packages have the same name in this form."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_affected(version: str, affected: Record) -> bool:
    """Return whether a version of a Python package is affected, as OSV's schema says."""
    if version in affected.get("versions", ()):
        return True
    return any(
        _is_within(Version(version), each["events"])
        for each in affected.get("ranges", ())
        if each["type"] == "ECOSYSTEM"
    )


def _is_within(version: Version, events: list[dict[str, str]]) -> bool:
    vulnerable = False
    for kind, at in sorted(_flat(events), key=lambda each: _place(each[1])):
        if version >= _place(at) and kind != "limit":
            vulnerable = kind == "introduced" or (
                kind == "last_affected" and version == _place(at) and vulnerable
            )
    return vulnerable


def _flat(events: list[dict[str, str]]) -> Iterator[tuple[str, str]]:
    for event in events:
        yield from event.items()


def _place(text: str) -> Version:
    try:
        return Version("0.dev0" if text == "0" else text)
    except InvalidVersion:
        return Version("0.dev0")  # not of PEP 440: before all others, as in older pip


def npm_range(affected: list[Record]) -> str:
    """Return the affected versions of an npm package as npm writes a range."""
    parts = [f"={version}" for each in affected for version in each.get("versions", ())]
    for each in affected:
        for one in each.get("ranges", ()):
            if one["type"] not in ("SEMVER", "ECOSYSTEM"):
                continue
            begin = None
            for kind, at in sorted(_flat(one["events"]), key=lambda event: _npm_place(event[1])):
                if kind == "introduced":
                    if begin:
                        parts.append(begin)
                    begin = f">={'0.0.0-0' if at == '0' else at}"
                elif kind in ("fixed", "last_affected"):
                    parts.append(f"{begin or ''} {'<' if kind == 'fixed' else '<='}{at}".strip())
                    begin = None
            if begin:
                parts.append(begin)
    return " || ".join(parts)


def _npm_place(version: str) -> tuple[list[int], bool, list[tuple[bool, int, str]]]:
    """Return the sort key of a version: https://semver.org/#spec-item-11."""
    release, _, early = version.partition("+")[0].partition("-")
    parts = [
        (not each.isdigit(), int(each) if each.isdigit() else 0, each) for each in early.split(".")
    ]
    return [int(each) for each in release.split(".")], not early, parts


def osv_answer(export: Export, query: Record) -> Record:
    """Answer a query of OSV's service for one version of a package."""
    found = [
        record
        for record, affected in export.of(query["package"]["name"])
        if any(is_affected(query["version"], each) for each in affected)
    ]
    return {"vulns": found} if found else {}


def npm_answer(export: Export, packages: dict[str, list[str]]) -> Record:
    """Answer npm's query for many packages; npm itself compares their versions."""
    answer = {}
    for name in packages:
        advisories = [
            {
                "id": record["id"],
                "url": f"https://osv.dev/vulnerability/{record['id']}",
                "title": record.get("summary", record["id"]),
                "severity": _severity(record),
                "vulnerable_versions": versions,
            }
            for record, affected in export.of(name)
            if (versions := npm_range(affected))
        ]
        if advisories:
            answer[name] = advisories
    return answer


def _severity(record: Record) -> str:
    return str(record.get("database_specific", {}).get("severity", "high")).lower()


@contextmanager
def serving(export: Export) -> Iterator[str]:
    """Serve an ecosystem's records on loopback until the block ends; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            answer = osv_answer if self.path == OSV_PATH else npm_answer
            self._send(200, answer(export, json.loads(body)))

        def do_GET(self) -> None:  # npm asks for other versions, which no export has
            self._send(404, {})

        def _send(self, status: int, document: Record) -> None:
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Write no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
