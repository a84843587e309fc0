# SPDX-License-Identifier: Apache-2.0
# A web server on the host's loopback, and ports for such.
import hashlib
import http.server
import os
import socket
import threading


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """Gives the same file for every name."""

    def __init__(self, size):
        self.content = os.urandom(size)
        content = self.content

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def sha256(self):
        return hashlib.sha256(self.content).hexdigest()

    def close(self):
        self.http.shutdown()
        self.http.server_close()
