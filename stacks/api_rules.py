"""Rules for settings that only one kind of API has."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stacks.settings import Settings

MAX_AUDIENCES = 50
"""For each authorizer: API Gateway developer guide, "Quotas for an HTTP API"."""


def api_refusals(settings: "Settings") -> Iterator[tuple[str, str]]:
    """Yield the settings that do not fit the API or its authorization, with what is allowed.

    Args:
        settings: settings of an environment.
    """
    if settings.api == "http":
        wanted = list(_unlike_rest(settings))
        if wanted:
            yield "api", f"an HTTP API needs {', '.join(wanted)}; or take api = 'rest'"
    if settings.daily_quota is not None and settings.auth != "api_key":
        yield "daily_quota", "allowed is None, since auth is not 'api_key'"
    if settings.web and settings.auth == "iam":
        yield "web", "allowed is False, since a page cannot sign for auth = 'iam'"
    yield from _token_refusals(settings)


def _unlike_rest(settings: "Settings") -> Iterator[str]:
    if settings.auth == "api_key":
        yield "auth = 'none', 'iam' or 'jwt' (it has no keys)"
    if settings.waf:
        yield "waf = False (it takes no web ACL)"
    if settings.daily_quota is not None:
        yield "daily_quota = None (a quota belongs to a key)"


def _token_refusals(settings: "Settings") -> Iterator[tuple[str, str]]:
    if settings.auth != "jwt":
        why = "since auth is not 'jwt'"
        if settings.jwt_issuer is not None:
            yield "jwt_issuer", f"allowed is None, {why}"
        if settings.jwt_audience:
            yield "jwt_audience", f"allowed is (), {why}"
        return
    why = "since auth = 'jwt'"
    if settings.api != "http":
        yield "auth", "it needs api = 'http': a REST API checks tokens of Cognito only"
    if settings.jwt_issuer is None:
        yield "jwt_issuer", f"allowed is an https address such as https://login.a.example/, {why}"
    if not 1 <= len(settings.jwt_audience) <= MAX_AUDIENCES:
        yield "jwt_audience", f"allowed are 1 to {MAX_AUDIENCES} audiences, {why}"
    if settings.web:
        yield "web", f"allowed is False, {why} and the page has no sign-in"
