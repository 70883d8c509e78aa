"""Runs the doctor with this Python, whichever it is: python3 tests/doctor/everywhere.py

Needs nothing but the standard library of Python 3.9, so that it runs where the
tests do not. Prints what it did; ends with 1 when the doctor did not do what it should.
"""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent.parent.parent / "snippets" / "doctor" / "gateway_doctor.py"
KEY = "sk-everywhere-" + "Zk8" * 9
MODELS = ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-2"]


class Gateway(http.server.BaseHTTPRequestHandler):
    """Just enough of a gateway."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/health/liveliness":
            self.answer(200, "I'm alive!")
        elif self.headers.get("authorization") != f"Bearer {KEY}":
            self.answer(401, {"error": {"message": "no such key"}})
        else:
            self.answer(200, {"data": [{"id": name} for name in MODELS]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "count_tokens" in self.path:
            self.answer(200, {"input_tokens": 8})
        elif not body.get("messages"):
            self.answer(400, {"type": "error", "error": {"type": "invalid_request_error", "message": "messages: required"}})
        else:
            events = ["message_start", *["content_block_delta"] * 5, "message_stop"]
            text = "".join(f"event: {name}\ndata: {{}}\n\n" for name in events).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(text)
            self.close_connection = True

    def answer(self, status: int, data: Any) -> None:
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def main() -> int:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    sound = {"ANTHROPIC_BASE_URL": address, "ANTHROPIC_AUTH_TOKEN": KEY}
    cases: list[tuple[str, dict[str, str], list[str], str]] = [
        ("healthy", sound, [], ""),
        ("healthy, with words", sound, ["--probe"], ""),
        ("wrong key", {**sound, "ANTHROPIC_AUTH_TOKEN": "sk-wrong"}, [], "key-refused"),
        ("v1", {**sound, "ANTHROPIC_BASE_URL": address + "/v1"}, [], "base-url-v1"),
        ("no TLS", {**sound, "ANTHROPIC_BASE_URL": address.replace("http", "https")}, [], "tls-no-tls"),
        ("no name", {**sound, "ANTHROPIC_BASE_URL": "http://gateway.invalid"}, ["--timeout", "5"], "name"),
        ("no model", {**sound, "ANTHROPIC_MODEL": "claude-opus-4-8"}, [], "model"),
        ("no proxy", {**sound, "ANTHROPIC_BASE_URL": "https://gateway.invalid", "HTTPS_PROXY": "http://127.0.0.1:1"}, [], "proxy-refused"),
        ("not an authority", {**sound, "NODE_EXTRA_CA_CERTS": str(FILE)}, [], "ca-file"),
    ]
    problems = 0
    keep = {name: value for name, value in os.environ.items() if name.upper() in ("SYSTEMROOT", "COMSPEC", "PATHEXT")}
    with tempfile.TemporaryDirectory() as home:
        for name, env, options, wanted in cases:
            full = {**keep, "PATH": os.defpath, "HOME": home, "USERPROFILE": home, **env}
            done = subprocess.run([sys.executable, str(FILE), "--json", *options], env=full, cwd=home, capture_output=True, timeout=120)
            output = done.stdout.decode("utf-8", "replace")
            try:
                found = [finding["id"] for finding in json.loads(output)["findings"] if finding["severity"] != "note"]
            except ValueError:
                found = [f"no JSON: {output[-300:]} {done.stderr.decode('utf-8', 'replace')[-300:]}"]
            good = found[:1] == ([wanted] if wanted else []) and done.returncode == bool(wanted) and KEY not in output
            problems += not good
            print(f"{'ok    ' if good else 'failed'} {name}: {', '.join(found) or 'nothing found'}")
    print(f"Python {sys.version.split()[0]} on {sys.platform}: {len(cases) - problems} of {len(cases)} as they should be")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
