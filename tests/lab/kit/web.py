"""Real servers: each a process of its own that answers every HTTP request with its name, and can be killed."""

import contextlib
import http.client
import http.server
import os
import signal
import socket
import socketserver

from .steps import die_with_parent


class RealServer:
    """A server: its name, where it listens, its weight behind a director, and the host of a network that it is."""

    def __init__(self, name, address, port, weight=1, network=None, host=None):
        self.name, self.address, self.port, self.weight = name, address, port, weight
        self.network, self.host = network, host
        # Where others find it.
        self.outside = address
        self.process = None

    def with_port(self):
        return with_port(self.outside, self.port)

    def start(self):
        """Listens and answers, in a child. The socket is opened first: who returns from here can be asked."""
        with self.network.inside(self.host) if self.network else contextlib.nullcontext():
            server = Server((self.address, self.port), Handler)
        server.name = self.name
        self.process = os.fork()
        if self.process == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            die_with_parent()
            try:
                server.serve_forever()
            finally:
                os._exit(1)
        server.socket.close()

    def kill(self):
        if self.process:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
            self.process = None


def with_port(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address, handler):
        # On all of IPv6 (::) it listens on all of IPv4 too.
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def server_bind(self):
        # Not HTTPServer's, which would ask DNS for the name of the address.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, *_):
        # Probes that only connect, and clients that go away, are nobody's error.
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    # Connections stay open until the client ends them.
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.server.name.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def fetch(address, port, timeout_s=3.0):
    """The name of the server that answers."""
    connection = http.client.HTTPConnection(address, port, timeout=timeout_s)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()
