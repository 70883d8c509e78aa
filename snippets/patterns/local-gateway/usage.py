import json
import pathlib
import urllib.request

key = (pathlib.Path.home() / "litellm-gateway" / "master-key").read_text().strip()
request = urllib.request.Request(
    "http://127.0.0.1:4000/v1/messages",
    headers={
        "authorization": f"Bearer {key}",
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
    },
    data=json.dumps(
        {
            "model": "claude-haiku-5-5",
            "max_tokens": 16,
            "messages": [{"role": "user", "content": "Reply with one word: counted"}],
        }
    ).encode(),
)
with urllib.request.urlopen(request) as response:
    answer = json.load(response)
    cost = response.headers["x-litellm-response-cost"]

print("input tokens: ", answer["usage"]["input_tokens"])
print("output tokens:", answer["usage"]["output_tokens"])
print(f"cost, US dollars: {float(cost):.7f}")
