"""Client of a Warmlens API: classify photos from Python.

>>> with Client("http://127.0.0.1:8080") as client:
...     print(client.classify("photo.jpg").best.label)
"""

from .answers import Area, Classification, Explanation, Prediction, ServedModel, Upload, Wakeup
from .calls import Retry
from .client import AsyncClient, Client
from .errors import (
    AnswerError,
    PhotoError,
    UnexpectedAnswerError,
    UploadError,
    WarmlensApiError,
    WarmlensClientError,
    WarmlensConnectionError,
)

__all__ = [
    "AnswerError",
    "Area",
    "AsyncClient",
    "Classification",
    "Client",
    "Explanation",
    "PhotoError",
    "Prediction",
    "Retry",
    "ServedModel",
    "UnexpectedAnswerError",
    "Upload",
    "UploadError",
    "Wakeup",
    "WarmlensApiError",
    "WarmlensClientError",
    "WarmlensConnectionError",
]
