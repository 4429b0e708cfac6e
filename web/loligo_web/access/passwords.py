"""Passwords (argon2id), one-time codes (RFC 6238) and secrets that are shown once and kept as a hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets

import pyotp
import segno
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MINIMUM_LENGTH = 10
CODE_PERIOD_S = 30

_hasher = PasswordHasher()  # the second recommended option of RFC 9106
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$l2CjC7NzdG2P2i2SOuujsg$3LiQXvQ9RdLOSc3Pcs9IktKD0MylUkYUCrJaz1Lnngg"


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def is_password(password: str, stored: str | None) -> bool:
    """Say whether it is the right one; for nobody (None) it takes as long, and is not."""
    try:
        return _hasher.verify(stored or _NOBODY, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def new_secret(prefix: str = "") -> str:
    """Return 256 bits that nobody guesses, as text for URLs."""
    return prefix + secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """Return what is kept of a secret of ours. Plain SHA-256 does: nobody can try 2**256."""
    return hashlib.sha256(secret.encode()).hexdigest()


def code_secret(given: str = "") -> str:
    """Return a key for an authenticator app: the given one, or a new one when that is none."""
    try:
        pyotp.TOTP(given)
    except ValueError:
        return pyotp.random_base32()
    return given


def code_uri(secret: str, name: str) -> str:
    """Return what an authenticator app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Loligo")


def code_picture(secret: str, name: str) -> str:
    """Return that as a QR code to photograph, an SVG in a data address: dark on light, with its quiet zone."""
    return str(segno.make_qr(code_uri(secret, name)).svg_data_uri(scale=5, border=4, dark="#000", light="#fff"))


def matching_step(secret: str, code: str, now_s: float, used_step: int) -> int | None:
    """Return the time step that a code belongs to, None when it is wrong or was used before.

    One step before and after now will do: clocks differ.
    """
    now = int(now_s) // CODE_PERIOD_S
    try:
        generator = pyotp.TOTP(secret, interval=CODE_PERIOD_S)
        codes = {step: generator.at(step * CODE_PERIOD_S).encode() for step in (now - 1, now, now + 1)}
    except ValueError:  # no key that an app takes
        return None
    given = code.strip().encode()
    return next((step for step, one in codes.items() if step > used_step and hmac.compare_digest(one, given)), None)
