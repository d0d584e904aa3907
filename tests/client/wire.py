"""HTTP as the published client programs speak it, with their habits as `Manner`."""

import http.client
import json
import socket
import ssl
import time
from dataclasses import dataclass

BASE = "/agentgateway/resource"
# One client gives up after 20 s; the long poll takes 10.
PATIENCE = 20.0


@dataclass(frozen=True)
class Manner:
    """How a client writes what the interface leaves open (section 5.3)."""

    guid_header: str = "Guid"
    content_type: str | None = "application/json; charset=UTF-8"
    # A base that ends in a slash, joined with a path that begins with one.
    double_slash: bool = False
    # Numbers and booleans of bodies as strings.
    strings: bool = False
    # Booleans of paths as .NET writes them.
    dotnet_booleans: bool = False
    # Cookies are sent back without their equals signs.
    mangles_cookies: bool = False


MANNERS = {
    "documented": Manner(),
    "java": Manner(guid_header="guid", content_type="application/json;charset=UTF-8", strings=True, mangles_cookies=True),
    "dotnet": Manner(guid_header="guid", content_type=None, double_slash=True, dotnet_booleans=True),
    "browser": Manner(guid_header="guid", content_type="text/plain", strings=True),
}


class Fault(Exception):
    """The server did something that the reference excludes."""


@dataclass
class Answer:
    """An HTTP answer; `headers` as they came over the wire, in order and in their spelling."""

    status: int
    headers: list
    body: bytes
    seconds: float

    def header(self, name):
        """By exact spelling, as the Java clients compare."""
        return next((value for key, value in self.headers if key == name), None)

    def header_in_any_case(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Wire:
    """One kept connection; opened again when the server closed it."""

    def __init__(self, base, manner):
        scheme, _, rest = base.partition("://")
        host, _, port = rest.rstrip("/").partition(":")
        self.secure = scheme == "https"
        self.host, self.port = host, int(port or (8043 if self.secure else 8000))
        self.manner = manner
        self.connection = None

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _connect(self):
        if self.secure:
            # Every public client accepts any certificate.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return http.client.HTTPSConnection(self.host, self.port, timeout=PATIENCE, context=context)
        return http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)

    def ask(self, method, target, headers, body=None):
        """Sends a request; once more on a fresh connection if a kept one turns out to be closed."""
        path = BASE + ("//" if self.manner.double_slash else "/") + target
        kept = self.connection is not None
        try:
            return self._ask(method, path, headers, body)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.close()
            if not kept:
                raise
            return self._ask(method, path, headers, body)

    def _ask(self, method, path, headers, body):
        if self.connection is None:
            self.connection = self._connect()
        begin = time.monotonic()
        sent = dict(headers)
        if self.manner.content_type is not None or body:
            sent["Content-Type"] = self.manner.content_type or "application/json"
        data = json.dumps(body).encode() if body is not None else b""
        if method in ("PUT", "POST") and not data:
            sent["Content-Length"] = "0"
        try:
            self.connection.request(method, path, body=data or None, headers=sent)
            response = self.connection.getresponse()
            content = response.read()
        except socket.timeout as error:
            self.close()
            raise Fault(f"{method} {path}: no answer within {PATIENCE} s") from error
        except Exception:
            self.close()
            raise
        if response.version != 11:
            raise Fault(f"{method} {path}: not HTTP/1.1")
        return Answer(response.status, response.getheaders(), content, time.monotonic() - begin)
