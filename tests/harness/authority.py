"""Certificates for tests."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """A CA of a test's own, and what it issued, as PEM files."""

    def __init__(self, directory, name):
        self.directory = directory
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self.sign(self.name, self.key, [x509.BasicConstraints(ca=True, path_length=None)])
        self.file = self.write(f"{name}.pem", self.certificate.public_bytes(serialization.Encoding.PEM))

    def sign(self, subject, key, extensions):
        now = datetime.datetime.utcnow()
        builder = x509.CertificateBuilder(self.name, subject, key.public_key(), x509.random_serial_number(),
                                          now - datetime.timedelta(days=1), now + datetime.timedelta(days=1))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def write(self, name, pem):
        path = self.directory / name
        path.write_bytes(pem)
        return str(path)

    def issue(self, common_name, *sans):
        """Files of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        extensions = [x509.SubjectAlternativeName(sans)] if sans else []
        certificate = self.sign(subject, key, extensions).public_bytes(serialization.Encoding.PEM)
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                   serialization.NoEncryption())
        return self.write(f"{common_name}.crt", certificate), self.write(f"{common_name}.key", secret)
