"""SMTP receivers that behave well or badly on demand, and write down all they see.

One Receiver listens on one address; each connection is a Visit with the commands received, the
server name asked for in TLS, whether TLS was reached, and the messages octet for octet. Threads with
blocking sockets: one per listener and one per connection.
"""
import itertools
import re
import socket
import ssl
import threading
import time
import warnings
from dataclasses import dataclass, field

from warning_server import WarningServer

_STALL_SECONDS = 60
_NO_HANDSHAKE = {"garbage": b"these octets are no TLS record at all\r\n",
                 "alert": b"\x15\x03\x03\x00\x02\x02\x28"}  # fatal, handshake_failure


@dataclass
class Behaviour:
    """What a receiver does otherwise than a good server would.

    starttls   ok, none (not offered), "454 ..." (offered, then this reply), or 220 and then: garbage
               (no TLS), alert (a TLS alert), inject (a reply in the same breath), close (the
               connection), stall (nothing), warn (a warning alert about the name, and TLS 1.2)
    implicit   TLS from the first octet
    replies    for MAIL, RCPT, DATA, DOT: the reply instead of the usual one; a list is used up in
               order, then the usual one follows
    close_at   the command at which the connection is closed without a reply
    """
    starttls: str = "ok"
    greeting: str = "220 receiver.example ESMTP"
    max_tls: object = None
    replies: dict = field(default_factory=dict)
    close_at: str = ""
    extensions: tuple = ("PIPELINING", "SIZE 104857600", "8BITMIME", "ENHANCEDSTATUSCODES")
    extensions_in_tls: tuple = None  # the same unless said
    implicit: bool = False
    asks_certificate: bool = False   # of the client
    delay: float = 0.0


@dataclass
class Message:
    sender: str
    recipients: list
    content: bytes
    tls: bool


class Visit:
    """One connection, as the receiver saw it."""

    def __init__(self, peer):
        self.peer, self.commands, self.messages = peer, [], []
        self.tls, self.tls_version, self.server_name, self.tls_error = False, None, None, None
        self.hello = False    # a ClientHello came; server_name is its SNI
        self.resumed = False
        self.front = None     # the WarningServer that speaks TLS for us
        self.closed = False

    @property
    def warned(self):
        """A warning alert was sent."""
        return self.front is not None and self.front.warned

    def verbs(self):
        return [c.split()[0].upper() if c.split() else "" for c in self.commands]

    def said(self, verb):
        return verb in self.verbs()

    def __repr__(self):
        tls = self.tls_version or self.tls_error or "clear"
        return f"<Visit {' '.join(self.verbs())} tls={tls} sni={self.server_name}>"


class _Gone(Exception):
    pass


class _Line:
    """Reading from a socket by lines, without ever reading past what is needed for STARTTLS."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def _more(self):
        got = self.sock.recv(65536)
        if not got:
            raise _Gone
        self.buffer += got

    def read(self):
        while b"\n" not in self.buffer:
            self._more()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return (line + b"\n")

    def content(self):
        """Everything up to the final dot, unstuffed. Only CRLF . CRLF ends it."""
        data, start = b"\r\n" + self.buffer, 0
        while (end := data.find(b"\r\n.\r\n", max(0, start - 5))) < 0:
            start = len(data)
            self.buffer = b""
            self._more()
            data += self.buffer
        self.buffer = data[end + 5:]
        return data[:end + 2].replace(b"\r\n.", b"\r\n")[2:]

    def send(self, text):
        self.sock.sendall(text.encode() + b"\r\n")


def _note_server_name(tls, name, _context):
    tls.visit.hello, tls.visit.server_name = True, name


class Receiver:
    def __init__(self, address, port=25, identity=None, behaviour=None, on_message=None):
        self.address, self.port = address, port
        self.behaviour = behaviour or Behaviour(starttls="ok" if identity else "none")
        self.visits, self._on_message = [], on_message
        self._connections, self._lock = set(), threading.Lock()
        self.identity = identity
        self._context = self._tls_context(identity) if identity else None
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, port), family=family, backlog=512)
        self._ids = itertools.count(1)
        self.replies = {verb: iter(r if isinstance(r, list) else itertools.repeat(r))
                        for verb, r in self.behaviour.replies.items()}
        threading.Thread(target=self._accept, daemon=True).start()

    def _tls_context(self, identity):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if identity.weak:
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        for each in filter(None, (identity, identity.extra)):
            context.load_cert_chain(each.chain, each.key)
        if self.behaviour.asks_certificate:
            context.verify_mode = ssl.CERT_OPTIONAL
        context.sni_callback = _note_server_name
        if self.behaviour.max_tls:
            with warnings.catch_warnings():  # old on purpose
                warnings.simplefilter("ignore", DeprecationWarning)
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = self.behaviour.max_tls
        return context

    @property
    def messages(self):
        return [m for visit in list(self.visits) for m in visit.messages]

    def closed_visits(self):
        return [v for v in list(self.visits) if v.closed]

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept
        self._listener.close()
        with self._lock:
            for sock in self._connections:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _accept(self):
        while True:
            try:
                sock, peer = self._listener.accept()
            except OSError:
                return
            visit = Visit(peer)
            self.visits.append(visit)
            threading.Thread(target=self._serve, args=(sock, visit), daemon=True).start()

    def _serve(self, sock, visit):
        with self._lock:
            self._connections.add(sock)
        sock.settimeout(_STALL_SECONDS)
        try:
            _Session(self, sock, visit).run()
        except (_Gone, OSError):
            pass
        finally:
            visit.closed = True
            with self._lock:
                self._connections.discard(sock)
            sock.close()

    def wrap(self, sock, visit):
        tls = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        tls.visit = visit
        return tls

    def queue_id(self):
        return f"R{next(self._ids):09d}"

    def took(self, message):
        if self._on_message:
            self._on_message(message)


class _Session:
    def __init__(self, receiver, sock, visit):
        self.receiver, self.visit = receiver, visit
        self.behaviour = receiver.behaviour
        self.line = _Line(sock)
        self.sender, self.recipients = None, []
        self.replies = receiver.replies

    def run(self):
        if self.behaviour.implicit and not self._handshake():
            return
        self.line.send(self.behaviour.greeting)
        while self._command(self.line.read()):
            pass

    def _reply_for(self, verb, usual):
        self.line.send(next(self.replies.get(verb, iter(())), usual))

    def _command(self, raw):
        text = raw.decode("latin-1").rstrip("\r\n")
        self.visit.commands.append(text)
        verb = text.split(" ", 1)[0].upper()
        if self.behaviour.delay:
            time.sleep(self.behaviour.delay)
        if verb == self.behaviour.close_at:
            return False
        act = self._VERBS.get(verb)
        if act is None:
            self.line.send("502 5.5.1 command not implemented")
            return True
        return act(self, text) is not False

    def _hello(self, lines):
        self.sender, self.recipients = None, []
        for each in lines[:-1]:
            self.line.send(f"250-{each}")
        self.line.send(f"250 {lines[-1]}")

    def _ehlo(self, _text):
        if "EHLO" in self.behaviour.replies:
            self._reply_for("EHLO", "")
            return
        extensions, extra = self.behaviour.extensions, ["STARTTLS"]
        if self.visit.tls and self.behaviour.extensions_in_tls is not None:
            extensions = self.behaviour.extensions_in_tls
        if self.visit.tls or self.behaviour.starttls == "none":
            extra = []
        self._hello(["receiver.example", *extensions, *extra])

    def _helo(self, _text):
        self._hello(["receiver.example"])

    def _starttls(self, _text):
        how = self.behaviour.starttls
        if how == "inject":
            self.line.sock.sendall(b"220 2.0.0 ready for TLS\r\n250 2.0.0 Ok\r\n")
            return False
        if self.visit.tls or how == "none" or how[0].isdigit():
            self.line.send(how if how[0].isdigit() else "503 5.5.1 not offered")
            return True
        self.line.send("220 2.0.0 ready for TLS")
        if how == "warn":
            return self._handshake_with_warning()
        if how == "ok":
            return self._handshake()
        if how != "close":
            self.line.sock.recv(65536)  # the client's part of the handshake
            self.line.sock.sendall(_NO_HANDSHAKE.get(how, b""))
        if how == "stall":
            time.sleep(_STALL_SECONDS)
        return False

    def _handshake_with_warning(self):
        """From here on openssl s_server speaks TLS with the client, and we SMTP with openssl."""
        self.visit.front = WarningServer(self.receiver.identity, self.line.sock)
        self.visit.hello, self.visit.server_name = True, self.visit.front.server_name()
        self.line = _Line(self.visit.front)
        self.visit.tls, self.visit.tls_version = True, "TLSv1.2"
        return True

    def _handshake(self):
        if self.line.buffer:
            self.visit.tls_error = "octets before the handshake"
            return False
        tls = self.receiver.wrap(self.line.sock, self.visit)
        try:
            tls.do_handshake()
        except (ssl.SSLError, OSError) as error:
            self.visit.tls_error = str(error)
            tls.close()
            return False
        self.visit.tls, self.visit.tls_version = True, tls.version()
        self.visit.resumed = tls.session_reused
        self.line = _Line(tls)
        self.sender, self.recipients = None, []
        return True

    def _mail(self, text):
        reply = next(self.replies.get("MAIL", iter(())), "250 2.1.0 Ok")
        self.sender = _path(text) if reply.startswith("2") else None
        self.line.send(reply)

    def _rcpt(self, text):
        if self.sender is None:
            self.line.send("503 5.5.1 no MAIL before")
            return
        reply = next(self.replies.get("RCPT", iter(())), "250 2.1.5 Ok")
        if reply.startswith("2"):
            self.recipients.append(_path(text))
        self.line.send(reply)

    def _data(self, _text):
        if not self.recipients:
            self.line.send("554 5.5.1 no valid recipients")
            return True
        reply = next(self.replies.get("DATA", iter(())), "354 go ahead")
        self.line.send(reply)
        return self._content() if reply.startswith("354") else True

    def _content(self):
        content = self.line.content()
        if self.behaviour.close_at == "DOT":
            return False
        reply = next(self.replies.get("DOT", iter(())),
                     f"250 2.0.0 Ok: queued as {self.receiver.queue_id()}")
        if reply.startswith("2"):
            message = Message(self.sender, self.recipients, content, self.visit.tls)
            self.visit.messages.append(message)
            self.receiver.took(message)
        self.sender, self.recipients = None, []
        self.line.send(reply)
        return True

    def _rset(self, _text):
        self.sender, self.recipients = None, []
        self.line.send("250 2.0.0 Ok")

    def _noop(self, _text):
        self.line.send("250 2.0.0 Ok")

    def _quit(self, _text):
        self.line.send("221 2.0.0 Bye")
        return False

    # Each act returns False to close the connection.
    _VERBS = {"EHLO": _ehlo, "HELO": _helo, "STARTTLS": _starttls, "MAIL": _mail, "RCPT": _rcpt,
              "DATA": _data, "RSET": _rset, "NOOP": _noop, "QUIT": _quit}


def _path(text):
    match = re.search(r"<(.*)>", text)
    return match.group(1) if match else text
