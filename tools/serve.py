"""Serve a folder on this machine and print the address: ``serve.py FOLDER [PORT]``."""

import functools
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def log_message(self, *args):
        """Say nothing for each file."""


def server(folder, port=0):
    """Return a server of ``folder`` on ``port``, or on the next free one (0: any)."""
    handler = functools.partial(Handler, directory=str(folder))
    for candidate in range(port, port + 50):
        try:
            return ThreadingHTTPServer(("127.0.0.1", candidate), handler)
        except OSError:  # taken: the next one
            continue
    raise OSError(f"no free port from {port} to {port + 49}")


def main(folder, port="8000"):
    if not (Path(folder) / "index.html").exists():
        sys.exit(f"{folder} holds no site yet: run `make html`")
    with server(folder, int(port)) as httpd:
        print(f"\nThe book is open at  http://127.0.0.1:{httpd.server_port}/   (Ctrl-C ends)")
        sys.stdout.flush()
        try:
            httpd.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main(*sys.argv[1:])
