"""Certificates and authorities by what is to be said of them, put where a member's configuration expects its own."""

import pathlib
import socket

import lab
from bare import any_certificate

CERTIFICATES = {
    "first": "{}.pem", "renewed": "{}.renewed.pem", "sealed": "{}.enc.pem", "sealed with another password": "{}.enc2.pem",
    "expired": "{}.expired.pem", "with another name": "{}.zzz.pem", "of another authority": "{}.other.pem",
}
AUTHORITIES = {"first": "ca.pem", "another": "other-ca.pem"}
BEGIN = "-----BEGIN"


def put(path, text):
    """In one go, as one puts a file in place of another; none when there is no text."""
    if text is None:
        path.unlink(missing_ok=True)
        return str(path)
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="ascii")
    fresh.rename(path)
    return str(path)


def text_of(name):
    return (lab.FILES / name).read_text(encoding="ascii")


def parts(name):
    """The certificate and its key."""
    text = text_of(name)
    at = text.index(BEGIN, text.index(BEGIN) + 1)
    return text[:at], text[at:]


def odd(first, renewed):
    """Files that no authority would give out."""
    return {"missing": None, "empty": "", "words": "to be or not to be\n", "without a key": parts(first)[0],
            "with the key of another": parts(first)[0] + parts(renewed)[1], "without a certificate": parts(first)[1]}


def certificate(name, which):
    path = pathlib.Path(lab.FILES, f"{name}.served.pem")
    if which in CERTIFICATES:
        return put(path, text_of(CERTIFICATES[which].format(name)))
    return put(path, odd(f"{name}.pem", f"{name}.renewed.pem")[which])


def authority(name, which):
    path = pathlib.Path(lab.FILES, f"{name}.authority.pem")
    if which == "both":
        return put(path, text_of(AUTHORITIES["first"]) + text_of(AUTHORITIES["another"]))
    if which in AUTHORITIES:
        return put(path, text_of(AUTHORITIES[which]))
    return put(path, {"missing": None, "empty": "", "words": "to be or not to be\n"}[which])


def served(member):
    """Which of a member's certificates a new connection gets."""
    try:
        with socket.create_connection((member.address, lab.PORT), 5) as plain:
            with any_certificate().wrap_socket(plain) as secure:
                given = lab.processes.x509.load_der_x509_certificate(secure.getpeercert(True))
    except OSError:
        return None
    for which, name in CERTIFICATES.items():
        own = lab.processes.x509.load_pem_x509_certificate(parts(name.format(member.name))[0].encode())
        if own == given:
            return which
    return "none of ours"
