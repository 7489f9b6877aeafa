"""What went wrong with TLS, in words that say what to do.

Rule: it reads the attributes of an error of `ssl`, and does not import `ssl`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_CERTIFICATES: Final = MappingProxyType(
    {
        9: "the server's certificate is not valid yet: compare the clocks of both machines",
        10: "the server's certificate has expired: the server needs a new one",
        18: "the server's certificate is signed by nobody: name it, or its CA, with tls_ca",
        19: "the server's certificate is signed by a CA that is not trusted: name it with tls_ca",
        20: "the server's certificate is signed by a CA that is not trusted: name it with tls_ca",
        21: "the server's certificate is signed by a CA that is not trusted: name it with tls_ca",
        26: "the server's certificate is not one for a server",
    }
)
"""By OpenSSL's number of the check that failed."""

_HOST_MISMATCH = frozenset({62, 64})
"""The checks of host name and IP address."""

_ALERTS: Final = MappingProxyType(
    {
        "WRONG_VERSION_NUMBER": "the server does not speak TLS here: is it ether:// instead?",
        "RECORD_LAYER_FAILURE": "the server does not speak TLS here: is it ether:// instead?",
        "PACKET_LENGTH_TOO_LONG": "the server does not speak TLS here: is it ether:// instead?",
        "HTTP_REQUEST": "the server does not speak TLS here: is it ether:// instead?",
        "TLSV1_ALERT_PROTOCOL_VERSION": "the server does not speak TLS 1.3",
        "UNSUPPORTED_PROTOCOL": "the server does not speak TLS 1.3",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server asks for a certificate of this client:"
        " name it with tls_cert",
        "TLSV1_ALERT_UNKNOWN_CA": "the server does not trust the CA of this client's certificate",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the certificate of this client has expired",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the server does not accept this client's certificate",
        "SSLV3_ALERT_BAD_CERTIFICATE": "the server does not accept this client's certificate",
        "KEY_VALUES_MISMATCH": "tls_key is not the key of tls_cert",
    }
)
"""By OpenSSL's name of the reason."""


def tls_reason(error: OSError) -> str:
    """What an error of `ssl` means, in words."""
    code = getattr(error, "verify_code", None)
    if code in _HOST_MISMATCH:
        return "the server's certificate is for another host name than the one in the address"
    if code is not None:
        said = str(getattr(error, "verify_message", "")) or "it is not accepted"
        return _CERTIFICATES.get(int(code), f"the server's certificate is not accepted: {said}")
    reason = str(getattr(error, "reason", None) or "")
    if not reason:  # such as SSLEOFError
        return "the server closed the connection"
    return _ALERTS.get(reason, f"TLS failed: {reason.lower().replace('_', ' ')}")
