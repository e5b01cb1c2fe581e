"""Names of uploaded photos, each the digest of the token that deletes its photo."""

import os
from hashlib import sha256


def new_token() -> str:
    """Return the token of a new photo, 256 random bits in hexadecimal."""
    return os.urandom(32).hex()


def name_of(token: str) -> str:
    """Return the name of a token's photo: the first 128 bits of its SHA-256 in hexadecimal."""
    return sha256(token.encode(errors="replace")).hexdigest()[:32]
