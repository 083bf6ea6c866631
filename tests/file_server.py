"""A server on 127.0.0.1 for the tests of downloads, with the faults of real ones."""

import contextlib
import functools
import gzip
import http.server
import shutil
import threading
from urllib.parse import unquote

# Code and headers of answers that never end, by the first folder of the address.
PACKED_TWICE = gzip.compress(gzip.compress(bytes(1 << 24)))
ENDLESS_ANSWERS = {
    "endless": (200, {}),
    "packed": (200, {"Content-Encoding": "gzip"}),
    "packed twice": (200, {"Content-Encoding": "gzip, gzip"}),
    "redirect": (302, {"Location": "http://127.0.0.1:9/elsewhere"}),
    "redirect to a file": (302, {"Location": "file:///etc/passwd"}),
    "redirect to itself": (302, {"Location": "/redirect to itself/genres.tar.gz"}),
    "error": (404, {}),
}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Cuts the connection in the middle of as many answers as it is told to."""

    n_cuts = 0
    n_requests = 0

    def log_message(self, *args):
        pass

    def do_GET(self):
        Handler.n_requests += 1
        kind = unquote(self.path).split("/")[1]
        if kind not in ENDLESS_ANSWERS:
            return super().do_GET()
        code, headers = ENDLESS_ANSWERS[kind]
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):  # until the client has had enough
            while True:
                self.wfile.write(PACKED_TWICE)

    def copyfile(self, source, outputfile):
        if Handler.n_cuts > 0:
            Handler.n_cuts -= 1
            outputfile.write(source.read(100))
            self.connection.close()
        else:
            with contextlib.suppress(OSError):
                shutil.copyfileobj(source, outputfile)


@contextlib.contextmanager
def serve_folder(folder):
    """Yield the address under which the files of a folder can be fetched."""
    Handler.n_cuts = Handler.n_requests = 0
    handler = functools.partial(Handler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
