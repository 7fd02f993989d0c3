#!/usr/bin/env python3
"""Stands in for Slack and Teams in the development stack: takes the posts, answers as they do, prints what it got.

    receiver.py [--listen 127.0.0.1:8090]

POST /slack    answers 200 "ok", as an incoming webhook does
POST /teams    answers 202, as a Workflows webhook does
GET  /         the last posts, newest first, as JSON: [{"to": "slack", "time": "...", "text": [...], "payload": {...}}]

Needs nothing but Python's standard library.
"""

import argparse
import collections
import datetime
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# More than a person scrolls through, little enough to keep for good.
KEPT = 200
# Slack takes 100 kB at most, Teams 28 kB; what is larger is no message.
BYTES_MAX = 1_000_000

posts = collections.deque(maxlen=KEPT)
printing = threading.Lock()


def texts(node):
    """Every text of a payload in reading order: what a person would see, without the layout."""
    if isinstance(node, dict):
        for key in ("text", "title", "value"):
            if isinstance(node.get(key), str):
                yield node[key]
        for key, child in node.items():
            if isinstance(child, (dict, list)):
                yield from texts(child)
    elif isinstance(node, list):
        for child in node:
            yield from texts(child)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        to = self.path.strip("/").split("/")[0]
        length = int(self.headers.get("Content-Length") or 0)
        if to not in ("slack", "teams"):
            return self.answer(404, "text/plain", b"POST to /slack or /teams\n")
        if length > BYTES_MAX:
            self.close_connection = True
            return self.answer(413, "text/plain", b"too large\n")
        try:
            payload = json.loads(self.rfile.read(length))
        except ValueError:
            return self.answer(400, "text/plain", b"invalid_payload")
        time = datetime.datetime.now().astimezone().isoformat(timespec="milliseconds")
        shown = [" ".join(text.split()) for text in texts(payload) if text.strip()]
        posts.appendleft({"to": to, "time": time, "text": shown, "payload": payload})
        with printing:
            print(f"{time[11:23]} {to}", *shown, sep="\n    ", flush=True)
        if to == "slack":
            return self.answer(200, "text/plain", b"ok")
        return self.answer(202, "text/plain", b"")

    def do_GET(self):
        body = json.dumps(list(posts), ensure_ascii=False, indent=1).encode()
        self.answer(200, "application/json; charset=utf-8", body)

    def answer(self, status, content_type, body):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """The posts are the log."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", default="127.0.0.1:8090", metavar="HOST:PORT")
    host, _, port = parser.parse_args().listen.rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), Handler)
    print(f"takes posts on http://{host}:{server.server_port}/slack and /teams; shows them on /", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
