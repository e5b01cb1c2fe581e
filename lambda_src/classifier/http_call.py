"""HTTP requests, as API Gateway, function URLs and load balancers pass them to a function."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class HttpCall(NamedTuple):
    """An HTTP request.

    Attributes:
        endpoint: last part of the path, such as `classification`; empty for the root.
        body: the body as it was passed on, which a caller who invokes the function may have made.
        is_base64: True if the body is in base64, as binary ones are.
        headers: the headers by their lower-case names.
        query: the parameters of the address.
        has_lists: True if the answer's headers must be lists, too: a load balancer's setting.
    """

    endpoint: str
    body: object
    is_base64: bool
    headers: Mapping[str, str]
    query: Mapping[str, str]
    has_lists: bool

    @property
    def content_type(self) -> str:
        """The type that the caller named, without parameters; empty if there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def answer(self, status: int, headers: Mapping[str, str], body: str) -> dict[str, Any]:
        """Return an answer in the form that the request's sender takes.

        The sender is API Gateway, a function URL or a load balancer.
        """
        form: dict[str, Any] = {"statusCode": status, "body": body}
        if self.has_lists:
            return {**form, "multiValueHeaders": {name: [text] for name, text in headers.items()}}
        return {**form, "headers": headers}


def read_http_call(event: object) -> HttpCall | None:
    """Return the HTTP request in an event; None for a direct invoke.

    The event is a REST API's, an HTTP API's (payload 1.0 or 2.0), a function URL's or an
    Application Load Balancer's.
    """
    if not isinstance(event, dict) or "requestContext" not in event:
        return None
    path = event.get("rawPath") or event.get("path")
    headers = _texts(event, "headers", "multiValueHeaders")
    return HttpCall(
        endpoint=path.rstrip("/").rpartition("/")[2] if isinstance(path, str) else "",
        body=event.get("body"),
        is_base64=event.get("isBase64Encoded") is True,
        headers={name.lower(): text for name, text in headers.items()},
        query=_texts(event, "queryStringParameters", "multiValueQueryStringParameters"),
        has_lists="headers" not in event and "multiValueHeaders" in event,
    )


def _texts(event: Mapping[str, Any], name: str, name_of_lists: str) -> dict[str, str]:
    """Return texts by name, of which an event has one each or a list."""
    values, lists = event.get(name), event.get(name_of_lists)
    if not isinstance(values, dict):
        values = {}
        if isinstance(lists, dict):
            values = {
                key: each[-1] for key, each in lists.items() if isinstance(each, list) and each
            }
    return {key: value for key, value in values.items() if isinstance(value, str)}
