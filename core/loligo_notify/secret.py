"""Settings that nobody may read: a secret is written as its fingerprint, so another secret is another setting."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import PlainSerializer, SecretStr


def _fingerprint(secret: SecretStr | None) -> str | None:
    return None if secret is None else hashlib.sha256(secret.get_secret_value().encode()).hexdigest()[:16]


Secret = Annotated[SecretStr, PlainSerializer(_fingerprint, when_used="json-unless-none")]
