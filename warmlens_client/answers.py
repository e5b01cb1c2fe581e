"""Answers of the API, as typed objects."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from .errors import UnexpectedAnswerError
from .urls import is_web_url

T = TypeVar("T")


@dataclass(frozen=True)
class Prediction:
    """A class with its softmax.

    Attributes:
        id: the class's id, such as `0007`.
        label: its name.
        softmax: its share, 0 to 1, over all classes.
    """

    id: str
    label: str
    softmax: float


@dataclass(frozen=True)
class Area:
    """A part of a photo, as shares of its width and height."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Explanation:
    """A class-activation map: which parts of a photo support a class.

    Attributes:
        id: the class's id, that of the most probable one.
        rows: number of rows.
        columns: number of columns.
        values: the map row by row, from 0 to 1, which speaks most for the class.
        area: the part of the upright photo that the rows and columns cover.
    """

    id: str
    rows: int
    columns: int
    values: tuple[float, ...]
    area: Area


@dataclass(frozen=True)
class Wakeup:
    """An instance that is awake.

    Attributes:
        time_s: seconds in the function.
        model: name of the model that the instance serves.
        version: the model's version.
        instance_id: the instance that answered.
        cold_start: True for the first call of an instance.
        init_ms: milliseconds that the instance's init took.
        raw: the API's answer, with all that it has.
    """

    time_s: float
    model: str
    version: str
    instance_id: str
    cold_start: bool
    init_ms: float
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Classification(Wakeup):
    """A classified photo: the attributes of :class:`Wakeup`, and these.

    Attributes:
        predictions: the top classes, the most probable first.
        stages_ms: milliseconds of each stage: `fetch`, `decode`, `inference`, `explain`.
        recognized: False if the photo probably shows none of the model's classes; None if the
            model has no threshold.
        explanation: the map that was asked for; None if it was not, or the model has none.
    """

    predictions: tuple[Prediction, ...]
    stages_ms: Mapping[str, float]
    recognized: bool | None = None
    explanation: Explanation | None = None

    @property
    def best(self) -> Prediction:
        """The most probable class."""
        return self.predictions[0]


@dataclass(frozen=True)
class ServedModel(Wakeup):
    """The model that is served: the attributes of :class:`Wakeup`, and these.

    Attributes:
        title: a word or two for all its classes, such as `groceries`; None without one.
        labels: names of all classes.
        threshold: softmax below which a photo counts as not recognized; None without one.
    """

    title: str | None
    labels: tuple[str, ...]
    threshold: float | None


@dataclass(frozen=True)
class Upload:
    """An uploaded photo.

    Attributes:
        file_path: its path, which can be classified.
        delete_token: deletes this photo, and no other; anyone who has it may.
    """

    file_path: str
    delete_token: str = field(repr=False)


@dataclass(frozen=True)
class Grant:
    """A signed upload.

    Attributes:
        url: address that the form is posted to.
        fields: fields of the form, before the file.
        upload: the photo, once it is stored.
    """

    url: str
    fields: Mapping[str, str]
    upload: Upload


class Answer:
    """A JSON object of the API, whose fields are read with their types.

    Args:
        call: the call, such as `classification`.
        response: its response.

    Raises:
        UnexpectedAnswerError: it is no JSON object, or, when a field is read, has no such field.
    """

    def __init__(self, call: str, response: httpx.Response) -> None:
        self._call = call
        self._status = response.status_code
        try:
            fields = json.loads(response.content)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise self._unexpected(f"{response.status_code} without a JSON object")
        self.fields: dict[str, Any] = fields

    def wakeup(self) -> Wakeup:
        """Return it as an answer of `wakeup`."""
        return Wakeup(**self._about())

    def classification(self) -> Classification:
        """Return it as an answer of `classification`."""
        listed = self._read("predictions", list)
        if not listed or not all(isinstance(each, dict) for each in listed):
            raise self._unexpected("no predictions")
        stages = self._read("stages_ms", dict)
        return Classification(
            **self._about(),
            predictions=tuple(
                Prediction(
                    self._read("id", str, each),
                    self._read("label", str, each),
                    self._number("softmax", each),
                )
                for each in listed
            ),
            recognized=self._optional("recognized", bool),
            stages_ms={name: self._number(name, stages) for name in stages},
            explanation=self._explanation(),
        )

    def _explanation(self) -> Explanation | None:
        if self.fields.get("explanation") is None:
            return None
        fields = self._read("explanation", dict)
        rows, columns = self._read("rows", int, fields), self._read("columns", int, fields)
        values = self._read("values", list, fields)
        if rows < 1 or len(values) != rows * columns:
            raise self._unexpected("no map")
        area = self._read("area", dict, fields)
        return Explanation(
            self._read("id", str, fields),
            rows,
            columns,
            tuple(self._number("value", {"value": value}) for value in values),
            Area(*(self._number(side, area) for side in ("left", "top", "width", "height"))),
        )

    def served_model(self) -> ServedModel:
        """Return it as an answer of `model`."""
        labels = self._read("labels", list)
        if not all(isinstance(each, str) for each in labels):
            raise self._unexpected("no labels")
        threshold = None if self.fields.get("threshold") is None else self._number("threshold")
        return ServedModel(
            **self._about(),
            title=self._optional("title", str),
            labels=tuple(labels),
            threshold=threshold,
        )

    def grant(self) -> Grant:
        """Return it as an answer of `uploads`."""
        url, fields = self._read("url", str), self._read("fields", dict)
        if not is_web_url(url):
            raise self._unexpected("no url")
        texts = {name: self._read(name, str, fields) for name in fields}
        upload = Upload(self._read("file_path", str), self._read("delete_token", str))
        return Grant(url, texts, upload)

    def deletion(self) -> None:
        """Check that it is an answer to a deletion."""
        if self._read("deleted", bool) is not True:
            raise self._unexpected("no deleted")

    def _about(self) -> dict[str, Any]:
        return {
            "time_s": self._number("time"),
            "model": self._read("model", str),
            "version": self._read("version", str),
            "instance_id": self._read("instance_id", str),
            "cold_start": self._read("cold_start", bool),
            "init_ms": self._number("init_ms"),
            "raw": self.fields,
        }

    def _read(self, name: str, kind: type[T], fields: dict[str, Any] | None = None) -> T:
        value = (self.fields if fields is None else fields).get(name)
        if not isinstance(value, kind):
            raise self._unexpected(f"no {name}")
        return value

    def _optional(self, name: str, kind: type[T]) -> T | None:
        """Return a field that may be null, or not there in answers of an older API."""
        return None if self.fields.get(name) is None else self._read(name, kind)

    def _number(self, name: str, fields: dict[str, Any] | None = None) -> float:
        value = (self.fields if fields is None else fields).get(name)
        if (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and abs(value) <= sys.float_info.max
        ):
            return float(value)
        raise self._unexpected(f"no {name}")

    def _unexpected(self, what: str) -> UnexpectedAnswerError:
        return UnexpectedAnswerError(
            "unexpected_answer", f"{self._call} returned {what}.", self._status
        )
