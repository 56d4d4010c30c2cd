"""The sites' own certificate authority: whom it signed belongs to the deployment."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bongsu.errors import OperatorError
from bongsu.sites.files import write_secret

CA_YEARS = 20
SITE_YEARS = 5
RENEW_YEARS = 1  # a certificate that ends sooner is made anew
CLOCK_SKEW = datetime.timedelta(days=1)
_YEAR = datetime.timedelta(days=365)
LOOPBACK = "127.0.0.1"


class Authority:
    """The authority in `folder`: `ca.pem` to give away, `ca.key` to keep. Made if it is not there.

    `now` is in UTC.
    """

    def __init__(self, folder: Path, now: datetime.datetime) -> None:
        self._now = now
        certificate, key = folder / "ca.pem", folder / "ca.key"
        if certificate.exists() != key.exists():
            missing = key if certificate.exists() else certificate
            raise OperatorError(f"{missing} is missing: bring it back from where you keep copies")
        if not key.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
            pem, key_pem = self._make()
            write_secret(key, key_pem)
            write_secret(certificate, pem)
        self.pem = certificate.read_text()
        self._certificate = x509.load_pem_x509_certificate(self.pem.encode())
        loaded = serialization.load_pem_private_key(key.read_bytes(), password=None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey), "made here"
        self._key = loaded

    def issue(self, site: str, address: str) -> tuple[str, str]:
        """A certificate for a site's servers and clients, and its key; both PEM.

        It serves both, for the sites' servers are one another's clients (and etcd its own).
        """
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = [x509.IPAddress(ipaddress.ip_address(ip)) for ip in {address, LOOPBACK}]
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            self._begun(f"bongsu site {site}", self._certificate.subject, key, SITE_YEARS)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(_identifier_of(self._key), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return _pem(certificate), _key_pem(key)

    def is_good(self, pem: str, address: str) -> bool:
        """Whether a certificate is ours, for that address, and lasts for a while."""
        certificate = x509.load_pem_x509_certificate(pem.encode())
        try:
            certificate.verify_directly_issued_by(self._certificate)
        except Exception:  # whatever is wrong with it, it is not good
            return False
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        is_his = ipaddress.ip_address(address) in names.get_values_for_type(x509.IPAddress)
        return is_his and certificate.not_valid_after_utc > self._now + RENEW_YEARS * _YEAR

    def _make(self) -> tuple[str, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            self._begun("bongsu sites", _name("bongsu sites"), key, CA_YEARS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return _pem(certificate), _key_pem(key)

    def _begun(
        self, name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, years: int
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - CLOCK_SKEW)
            .not_valid_after(self._now + years * _YEAR)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _identifier_of(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates,
        crl_sign=signs_certificates, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
