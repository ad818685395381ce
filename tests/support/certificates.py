"""Keys and certificates made on the spot, as PEM."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_YEAR = timedelta(days=365)


def _private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@cache
def private_key_pem() -> str:
    """Return an RSA private key that no certificate of this module belongs to."""
    return _private_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))


@cache
def certificate_pem() -> str:
    """Return a private key followed by a certificate for it, signed by itself."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "dirsync")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _YEAR)
        .not_valid_after(now + _YEAR)
        .sign(key, hashes.SHA256())
    )
    return _private_pem(key) + certificate.public_bytes(serialization.Encoding.PEM).decode()


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "tests"),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, common),
        ]
    )


def make_certificates(folder: Path, *addresses: str) -> None:
    """Write an authority, a server of this machine, the reader's own, and another authority."""
    here = ("127.0.0.1", *addresses)
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "ca.pem").write_bytes(
        _signed("authority", key, "authority", key, here, authority=True)
    )
    other = ec.generate_private_key(ec.SECP256R1())
    (folder / "other-ca.pem").write_bytes(
        _signed("other", other, "other", other, here, authority=True)
    )
    for common, file in (("localhost", "server"), ("reader", "reader")):
        own = ec.generate_private_key(ec.SECP256R1())
        (folder / f"{file}.pem").write_bytes(_signed(common, own, "authority", key, here))
        (folder / f"{file}.key").write_text(_private_pem(own))


def _signed(
    subject: str, own, issuer: str, key, addresses: Sequence[str], *, authority: bool = False
) -> bytes:
    now = datetime.now(UTC)
    names = [
        x509.DNSName("localhost"),
        *(x509.IPAddress(ipaddress.ip_address(one)) for one in addresses),
    ]
    made = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)
