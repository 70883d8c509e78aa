"""A provider whose model wants one web page: it answers the first turn with a call of WebFetch.

Run inside a namespace: ``python tool_use.py PORT``.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Provider(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        fetched = any(
            isinstance(message["content"], list) and any(part["type"] == "tool_result" for part in message["content"]) for message in body["messages"]
        )
        if body.get("tools") and not fetched:
            wanted = json.dumps({"url": "https://docs.example.com/", "prompt": "What does it say?"})
            block = {"type": "tool_use", "id": "toolu_lab", "name": "WebFetch", "input": {}}
            delta, stop = {"type": "input_json_delta", "partial_json": wanted}, "tool_use"
        else:
            block, delta, stop = {"type": "text", "text": ""}, {"type": "text_delta", "text": "done"}, "end_turn"
        usage = {"input_tokens": 1, "output_tokens": 1}
        start = {"id": "msg_lab", "type": "message", "role": "assistant", "model": body["model"], "content": [], "stop_reason": None, "usage": usage}
        events = [
            {"type": "message_start", "message": start},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": usage},
            {"type": "message_stop"},
        ]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for event in events:
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Provider).serve_forever()
