"""Certificates that nobody else trusts, for servers of tests: self-signed, and by an authority of their own."""

import datetime
import ipaddress
import ssl
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def self_signed_pem() -> bytes:
    """The certificate of 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    return _pem(_certified("127.0.0.1", key, "127.0.0.1").sign(key, hashes.SHA256()), key)


def self_signed() -> ssl.SSLContext:
    return _serving(self_signed_pem())


def issued() -> tuple[bytes, ssl.SSLContext]:
    """A private authority's certificate as PEM, and what serves 127.0.0.1 with one that it signed."""
    root, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certified("A private authority", root, "A private authority")
    authority = authority.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    served = _certified("127.0.0.1", key, "A private authority").add_extension(address, critical=False)
    pem = authority.sign(root, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return pem, _serving(_pem(served.sign(root, hashes.SHA256()), key))


def _certified(subject: str, key: ec.EllipticCurvePrivateKey, issuer: str) -> x509.CertificateBuilder:
    today = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today)
        .not_valid_after(today + datetime.timedelta(days=1))
    )


def _pem(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> bytes:
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + secret


def _serving(pem: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context
