"""Tokens bound to a key of this process, so that a stolen one is of no use (DPoP, RFC 9449)."""

from __future__ import annotations

import base64
import hashlib
import uuid
from typing import Final

from joserfc import jwt
from joserfc.jwk import ECKey

from core.ports import Clock

SCHEME: Final = "DPoP"
WANTED: Final = frozenset({"invalid_dpop_proof", "use_dpop_nonce"})
"""Words of a token endpoint that wants a proof, or one with its nonce (RFC 9449 §5, §8)."""


class ProofKey:
    """A fresh key and the proofs that it signs, each good for one request."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._key = ECKey.generate_key("P-256")
        self._public = self._key.as_dict(private=False)

    def proof(self, method: str, url: str, *, token: str = "", nonce: str = "") -> str:
        """Return the proof for a request to this URL (RFC 9449 §4.2).

        Args:
            method: of the request.
            url: of the request, without its query.
            token: the access token that goes with it, if one does.
            nonce: what the server wants to see again, if it said so.
        """
        claims: dict[str, object] = {
            "jti": str(uuid.uuid4()),
            "htm": method,
            "htu": url,
            "iat": int(self._clock.now().timestamp()),
        }
        if token:
            digest = hashlib.sha256(token.encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if nonce:
            claims["nonce"] = nonce
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self._public}
        return jwt.encode(header, claims, self._key, algorithms=["ES256"])
