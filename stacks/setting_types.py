"""Types of settings: the texts that each allows."""

import re
from typing import Annotated, Any

from pydantic import Field


def text(pattern: str, allowed: str) -> Any:
    """Return a constraint for strings that fully match `pattern`."""
    return Field(pattern=f"^(?:{pattern})$", json_schema_extra={"allowed": allowed})


def whole_number(value: object) -> object:
    """Return a whole number; raise ValueError for anything else."""
    if type(value) is not int:  # a Literal of numbers would take True and 1.0 for 1
        raise ValueError
    return value


AccountId = Annotated[str, text(r"[0-9]{12}", "an account id of 12 digits")]
Region = Annotated[str, text(r"[a-z]{2,4}(-[a-z]+)+-[0-9]", "a region such as eu-west-1")]
OTHER_PARTITIONS = re.compile(r"cn-|us-gov-|eusc-|[a-z]+-iso[a-z]?-")
PackageIndex = Annotated[
    str, text(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?", "an https address")
]
ModelName = Annotated[str, text(r"[a-z0-9][a-z0-9-]{0,62}", "a to z, 0-9 and -, up to 63")]
Version = Annotated[str, text(r"[0-9]+\.[0-9]+\.[0-9]+", "three numbers such as 1.0.0")]
OriginPattern = Annotated[
    str,
    text(r"\*|https?://[A-Za-z0-9.*-]+(:([0-9]{1,5}|\*))?", "an origin such as https://a.example"),
]
Origin = Annotated[
    str,
    text(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", "an origin without * such as https://a.example"),
]
Host = Annotated[
    str, text(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", "a host such as photos.a.example")
]
Certificate = Annotated[
    str,
    text(
        r"arn:aws:acm:us-east-1:[0-9]{12}:certificate/[0-9a-f-]{36}",
        "the ARN of a certificate in us-east-1, where CloudFront reads it",
    ),
]
EmailAddress = Annotated[str, text(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")]
Issuer = Annotated[
    str,
    text(
        r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?",
        "an https address such as https://login.a.example/",
    ),
]
Audience = Annotated[str, text(r"[!-~]{1,256}", "a text without spaces, up to 256")]
