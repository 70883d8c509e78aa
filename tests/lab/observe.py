"""What another process saw: one function per kind of observation in a ledger.

Each takes the replay, the row's result and the expectation, and returns what
is wrong, or None.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import stat
import urllib.parse
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from macros import renderings
from macros.ledger import read_yaml
from tests.lab import jobs, setups
from tests.lab.namespace import wait_until

if TYPE_CHECKING:
    from tests.lab.replay import Replay, Row
    from tests.lab.terminal import Result

#: Seconds in which a program that was ended lets go of its port.
PATIENCE = 5


def exit(replay: Replay, row: Row | Result, expected: int) -> str | None:
    return None if row.status == expected else f"exit status {row.status}, expected {expected}; it printed:\n{row.output[-1500:]}"


def file(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    path = replay.outside(expected["path"])
    if not path.exists():
        return f"{expected['path']} does not exist"
    if expected.get("kind") == "folder":
        return None if path.is_dir() else f"{expected['path']} is no folder"
    mode = f"{stat.S_IMODE(path.stat().st_mode):o}"
    if "mode" in expected and mode != expected["mode"]:
        return f"{expected['path']} has mode {mode}, expected {expected['mode']}"
    text = path.read_text()
    if "matches" in expected and not re.fullmatch(expected["matches"].replace(r"\n$", r"\n"), text):
        return f"{expected['path']} does not match {expected['matches']}"
    if "same_as" in expected and text != (replay.book.snippets / expected["same_as"]).read_text():
        return f"{expected['path']} differs from snippets/{expected['same_as']}"
    return None


def installed(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    name = expected["name"].replace("-", "_")
    found = sorted(path.name for path in replay.outside(expected["venv"]).glob(f"lib/python3*/site-packages/{name}-*.dist-info"))
    wanted = f"{name}-{expected['version']}.dist-info" if "version" in expected else None
    if wanted is None:
        return None if found else f"{name} is not installed"
    return None if found == [wanted] else f"installed: {found}, expected {wanted}"


def gateway_models(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    address = replay.book.fact("site.gateway_address") + "/v1/models"
    status, body = replay.get(address, {"authorization": "Bearer " + replay.outside(expected["key"]).read_text().strip()})
    if status != 200:
        return f"GET /v1/models answers {status}: {body[:300]}"
    names = [model["id"] for model in json.loads(body)["data"]]
    if sorted(names) != sorted(expected["models"]):
        return f"the gateway serves {names}, expected {expected['models']}"
    status, _ = replay.get(address, {})
    return None if status >= 400 else f"GET /v1/models without the key answers {status}"


def gateway_routes(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """Ask for every model once, and look what the provider is asked for, and with which key."""
    key = replay.outside(expected["key"]).read_text().strip()
    address = replay.book.fact("site.gateway_address") + "/v1/messages"
    for model in expected["models"]:
        before = len(replay.all_requests())
        asked = expected.get("prefix", "") + model
        body = json.dumps({"model": asked, "max_tokens": 16, "messages": [{"role": "user", "content": "Reply with one word: routed"}]})
        words = ["-H", f"authorization: Bearer {key}", "-H", "content-type: application/json", "-H", "anthropic-version: 2023-06-01", "-d", body]
        words += [word for name, value in expected.get("headers", {}).items() for word in ("-H", f"{name}: {value}")]
        done = replay.inside.run(["curl", "-s", "-m", "20", *words, address], {"PATH": os.defpath})
        seen = [(request["body"]["model"], request["headers"].get("x-api-key")) for request in replay.all_requests()[before:]]
        if [name for name, _ in seen] != [model]:
            return f"asked for {model}, the gateway asked the provider for {[name for name, _ in seen]} and answered {done.stdout[:300]}"
        if seen[0][1] != expected["provider_key"]:
            return f"asked for {model}, the gateway sent the provider another key than the one that was typed"
    return None


def gateway_request(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """Headers on the way from Claude Code to the gateway; null: not sent."""
    wait_until(lambda: replay.gateway_requests(row), 5, "a request on its way to the gateway")
    for request in replay.gateway_requests(row):
        for name, value in replay.values(expected).items():
            wanted = f"Bearer {value}" if name == "authorization" and value else value
            if request["headers"].get(name) != wanted:
                found = "not sent" if request["headers"].get(name) is None else "sent"
                return f"on the way to the gateway, {name} is {found}, expected {'not sent' if wanted is None else 'the named value'}"
    return None


def fails_past_the_gateway(replay: Replay, row: Row, expected: int) -> str | None:
    before = len(replay.all_requests())
    result = replay.past_the_gateway(row)
    seen = [request["status"] for request in replay.all_requests()[before:] if request["path"] == "/v1/messages"]
    if seen != [200]:
        return f"past the gateway, the provider answered {seen}, expected one 200; it printed:\n{result.output[-1500:]}"
    return None if result.status == expected else f"past the gateway it ends with status {result.status}, expected {expected}"


def ends_past_the_gateway(replay: Replay, row: Row, expected: int) -> str | None:
    """The block once more, pointed at the provider, which may not be asked anything for it."""
    result = replay.past_the_gateway(row)
    return None if result.status == expected else f"past the gateway it ends with status {result.status}, expected {expected}"


def fails_with(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    before = len(replay.all_requests())
    result = replay.elsewhere(row, expected["env"])
    seen = [request["status"] for request in replay.all_requests()[before:] if request["path"] == "/v1/messages"]
    if seen != [200]:
        return f"with {', '.join(expected['env'])}, the provider answered {seen}, expected one 200; it printed:\n{result.output[-1500:]}"
    return None if result.status == expected["status"] else f"it ends with status {result.status}, expected {expected['status']}"


def unknown_past_the_gateway(replay: Replay, row: Row, expected: int) -> str | None:
    """The provider does not know the name that only the gateway knows. Claude Code asks twice, the second time without a stream."""
    before = len(replay.all_requests())
    result = replay.past_the_gateway(row)
    seen = [request["status"] for request in replay.all_requests()[before:] if request["path"] == "/v1/messages"]
    if set(seen) != {404}:
        return f"past the gateway, the provider answered {seen}, expected only 404; it printed:\n{result.output[-1500:]}"
    return None if result.status == expected else f"past the gateway it ends with status {result.status}, expected {expected}"


def asks_while(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """The block once more in a new terminal, past the gateway, while the provider misbehaves: how often it asks, and how it ends."""
    behave, before = replay.lab / "provider" / "behave.json", len(replay.all_requests())
    behave.write_text(json.dumps({**expected["provider"], "path": "/v1/messages"}))
    try:
        result = replay.past_the_gateway(row)
    finally:
        behave.unlink()
    seen = [request["status"] for request in replay.all_requests()[before:] if request["path"] == "/v1/messages"]
    if seen != [expected["provider"]["status"]] * expected["count"]:
        return f"while the provider misbehaves it answered {seen}, expected {expected['count']} times {expected['provider']['status']}"
    return exit(replay, result, expected["status"])


def hides(replay: Replay, row: Row, expected: Any) -> str | None:
    return "the terminal shows what must not be shown" if replay.content(expected) in row.output else None


def prints(replay: Replay, row: Row, expected: str) -> str | None:
    return None if expected in row.output else f"it does not print {expected!r} but:\n{row.output[-1500:]}"


def prints_match(replay: Replay, row: Row, expected: str) -> str | None:
    return None if re.search(expected, row.output) else f"nothing it prints matches {expected!r}:\n{row.output[-1500:]}"


def prints_names(replay: Replay, row: Row, expected: list[str]) -> str | None:
    found = re.findall(r'"id": "([^"]+)"', row.output)
    return None if sorted(found) == sorted(expected) else f"it names {found}, expected {expected}"


def listens(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    found = [listener for listener in replay.inside.listeners() if listener not in replay.lab_listeners]
    return None if found == [(expected["host"], expected["port"])] else f"listening: {found}, expected only {expected['host']}:{expected['port']}"


def dials(replay: Replay, row: Row, expected: list[str]) -> str | None:
    asked = sorted(set(replay.looked_up(row)))
    return None if asked == sorted(expected) else f"it looked up {asked}, expected {expected}"


def environment(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    for name, value in replay.values(expected).items():
        if row.environment.get(name) != value:
            shown = "unset" if value is None else "another value"
            return f"{name} is {'unset' if row.environment.get(name) is None else 'set'}, expected {shown if value is None else 'the named value'}"
    return None


def provider_request(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    seen = [request for request in replay.requests(row) if request["path"] == "/v1/messages"]
    if len(seen) != expected["count"]:
        return f"the provider received {len(seen)} requests, expected {expected['count']}; the block printed:\n{row.output[-1500:]}"
    for request in seen:
        problem = _one(replay, request, expected)
        if problem:
            return problem
    return None


def models_asked(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """Each of these models was asked, ``most`` times at most; no other was."""
    seen = [request for request in replay.requests(row) if request["path"] == "/v1/messages"]
    counted = Counter(request["body"]["model"] for request in seen)
    if sorted(counted) != sorted(expected["names"]) or max(counted.values()) > expected["most"]:
        wanted = f"{expected['names']}, each {expected['most']} times at most"
        return f"the provider was asked for {dict(counted)}, expected {wanted}; the block printed:\n{row.output[-1500:]}"
    problems = (_one(replay, request, {"user_agent": expected["user_agent"]}) for request in seen)
    return next(filter(None, problems), None)


def _one(replay: Replay, request: dict[str, Any], expected: dict[str, Any]) -> str | None:
    headers, body = request["headers"], request["body"]
    host = urllib.parse.urlsplit(replay.book.fact("site.provider_address")).hostname
    if headers.get("host") != host:
        return f"the provider was called as {headers.get('host')}, not as {host}"
    if "user_agent" in expected and headers.get("user-agent") != expected["user_agent"]:
        return f"the provider's caller was {headers.get('user-agent')!r}, expected {expected['user_agent']!r}"
    if "key" in expected and headers.get("x-api-key") != expected["key"]:
        return "the provider received another key than the one that was typed"
    if "model" in expected and body.get("model") != expected["model"]:
        return f"the provider was asked for {body.get('model')!r}, expected {expected['model']!r}"
    if "version" in expected and headers.get("anthropic-version") != expected["version"]:
        return f"the provider was asked in version {headers.get('anthropic-version')!r}, expected {expected['version']!r}"
    for name, value in expected.get("body", {}).items():
        if body.get(name) != value:
            return f"the request's {name} is {body.get(name)!r}, expected {value!r}"
    if "client" in expected:
        system = body.get("system")
        first = system[0].get("text", "") if isinstance(system, list) and system else ""
        if f"cc_version={expected['client']}" not in first:
            return f"the request's system prompt does not begin with Claude Code {expected['client']}'s own line but with {first[:80]!r}"
    if expected.get("same_betas_as_direct"):
        direct = replay.direct()
        for name in ("anthropic-beta", "anthropic-version"):
            here, there = (set(re.split(r"\s*,\s*", item.get(name, ""))) for item in (headers, direct["headers"]))
            if here != there:
                return f"{name}: through the gateway {sorted(here)}, without it {sorted(there)}"
    return None


def provider_saw(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """What one provider was asked for since the row began, and that no other provider was asked at all; null: not sent."""
    requests = replay.requests(row, expected["of"])
    paths = [f"{request['method']} {request['path']}" for request in requests]
    if paths != expected["asked"]:
        return f"{expected['of']} was asked for {paths}, expected {expected['asked']}; the block printed:\n{row.output[-1500:]}"
    for other in set() if expected.get("beside_others") else {"anthropic", *replay.providers} - {expected["of"]}:
        if replay.requests(row, other):
            return f"{other} was asked too, for {[request['path'] for request in replay.requests(row, other)]}"
    for request in requests:
        for part in ("headers", "body"):
            for name, value in expected.get(part, {}).items():
                found = (request[part] or {}).get(name)
                if value is None and found is not None or value is not None and not re.search(value, str(found)):
                    return f"in {request['method']} {request['path']}, {name} is {found!r}, expected {'none' if value is None else 'a match of ' + value}"
    return None


def gone(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    if replay.outside(expected["path"]).exists():
        return f"{expected['path']} still exists"
    try:
        wait_until(lambda: all(port != expected["port"] for _, port in replay.inside.listeners()), PATIENCE, "the end of the program")
    except TimeoutError:
        return f"something still listens on port {expected['port']}"
    return None


def absent(replay: Replay, row: Row, expected: str) -> str | None:
    return f"{expected} still exists" if replay.outside(expected).exists() else None


def proxied(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """Hosts that the proxy must have carried since the row began, and those of which it must know nothing."""
    assert replay.squid
    still_open = replay.squid.open_tunnels()  # asked first: one that ends meanwhile is in the log
    logged = replay.squid.log()[row.logged :]
    carried = [entry for entry in logged if "DENIED" not in entry.result]
    missing = set(expected["carries"]) - {_place(url) for url in [entry.url for entry in carried] + still_open}
    if missing:
        return f"the proxy did not carry {', '.join(sorted(missing))}; its log: {replay.squid.log()}"
    users = {entry.user for entry in carried if entry.url in expected["carries"]}
    if "user" in expected and users != {expected["user"]}:
        return f"the proxy carried them for {sorted(users)}, expected {expected['user']!r}"
    seen = [entry.url for entry in logged] + still_open
    wrong = [url for url in seen if re.sub(r"^\w+://", "", url).split("/")[0].rsplit(":", 1)[0] in expected["never"]]
    return f"the proxy carried {', '.join(wrong)}" if wrong else None


def _place(url: str) -> str:
    """``host:port`` of what a proxy's log names: itself for a tunnel, a URL for a request inside an inspected one."""
    split = urllib.parse.urlsplit(url)
    return f"{split.hostname}:{split.port or {'https': 443}.get(split.scheme, 80)}" if "://" in url else url


def legs(replay: Replay, row: Row, expected: dict[str, list[str]]) -> str | None:
    """Exactly these hosts went through each proxy, since the page began; refusals excluded."""
    for name, hosts in expected.items():
        squid = getattr(replay, name)
        passed = {_host(url) for url in squid.passed()}
        if passed != set(hosts):
            return f"{'the proxy' if name == 'squid' else 'the proxy of the gateway host'} carried {sorted(passed) or 'nothing'}, expected {hosts}"
    if "squid" in expected and not replay.squid.log()[row.logged :] and not replay.squid.open_tunnels():
        return "the proxy carried nothing while the block ran"
    return None


def _host(url: str) -> str:
    parts = urllib.parse.urlsplit(url if "://" in url else f"//{url}")
    return f"{parts.hostname}:{parts.port or {'http': 80, 'https': 443}[parts.scheme]}"


def refused(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """A refusal in a proxy's log; the proxy was started for this row, so its log is only of it."""
    entries = [(entry.result, entry.url) for entry in replay.refusals[expected["leg"]]]
    wanted = (f"TCP_DENIED/{expected['status']}", expected["host"])
    return None if wanted in entries else f"the proxy's log has no {wanted}: {entries}"


def fails_past_the_proxy(replay: Replay, row: Row, expected: int) -> str | None:
    """The block once more on a machine that knows the gateway's name, with a client that no proxy concerns."""
    before = len(replay.nginx_log())
    result = replay.past_the_proxy(row)
    seen = [line for line in replay.nginx_log()[before:] if " 200 " in line]
    if not seen:
        return f"past the proxy, the gateway did not answer; it printed:\n{result.output[-1500:]}"
    return None if result.status == expected else f"past the proxy it ends with status {result.status}, expected {expected}"


def front_answers(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """GET through nginx, or POST of so many bytes, with the company's authority as the only one that is trusted.

    ``within``: the seconds in which nginx may take up what it was told, and answer as before meanwhile.
    """
    if "within" in expected:
        problems: list[str | None] = []

        def taken_up() -> bool:
            problems.append(front_answers(replay, row, {key: value for key, value in expected.items() if key != "within"}))
            return problems[-1] is None

        with suppress(TimeoutError):
            wait_until(taken_up, expected["within"], "what nginx was told")
        return problems[-1]
    address = replay.book.fact("site.gateway_url") + expected["path"]
    body = replay.lab / "body"
    body.write_bytes(b"a" * expected.get("bytes", 0))
    words = ["-H", f"authorization: Bearer {replay.content(expected['token'])}"] if "token" in expected else []
    done = replay.inside.run(
        ["curl", "-s", "-m", "10", "--cacert", "/etc/ssl/corporate-ca.pem", "-o", "/dev/null", "-w", "%{http_code} %{errormsg}",
         *words, *(["--data-binary", "@/mnt/lab/body"] if "bytes" in expected else []), address],
        {"PATH": os.defpath},
    )  # fmt: skip
    status = int(done.stdout.split()[0])
    if "other_than" in expected:  # LiteLLM may close the connection before it has read all of a body that it refuses
        return f"{address} answers {done.stdout.strip()}" if status in (0, expected["other_than"]) else None
    return None if status == expected["status"] else f"{address} answers {done.stdout.strip()}, expected {expected['status']}"


def tls(replay: Replay, row: Row, expected: dict[str, str]) -> str | None:
    """Which versions of TLS the gateway's port speaks with a client that speaks them all."""
    for what, works in (("refuses", False), ("accepts", True)):
        address = f"{replay.book.fact('site.gateway_host')}:443"
        words = ["openssl", "s_client", "-brief", f"-{expected[what]}", "-cipher", "ALL:@SECLEVEL=0", "-connect", address]
        done = replay.inside.run(words, {"PATH": os.defpath})
        if (done.returncode == 0) != works:
            return f"{expected[what]} is {'refused' if works else 'accepted'}: {done.stderr[-300:]}"
    return None


def listens_only(replay: Replay, row: Row, expected: list[str]) -> str | None:
    found = sorted({f"{host}:{port}" for host, port in replay.inside.listeners() if (host, port) not in replay.lab_listeners})  # a thread each may listen
    return None if found == sorted(expected) else f"listening: {found}, expected {expected}"


def front_log(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """Lines that nginx wrote while the block ran."""
    lines = replay.nginx_log()[row.fronted :]
    found = [line for line in lines if re.search(expected["matches"], line)]
    return None if len(found) == expected["count"] else f"{len(found)} lines of nginx's log match {expected['matches']}, expected {expected['count']}: {lines}"


def loads(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """The bundle loads as certificates and holds every one of another file."""
    bundle, one = (ssl.create_default_context(cafile=str(replay.outside(expected[name]))) for name in ("path", "holds"))
    certificates = bundle.get_ca_certs(binary_form=True)
    missing = [item for item in one.get_ca_certs(binary_form=True) if item not in certificates]
    return f"{expected['path']} lacks {len(missing)} certificates of {expected['holds']}" if missing or len(certificates) < 50 else None


def tells_apart(replay: Replay, row: Row, expected: str) -> str | None:
    """The block ends with 0 after every good setup and with 1 after every bad one, in one line that holds no key."""
    return setups.tells_apart(replay, row, expected)


def provider_keys(replay: Replay, row: Row, expected: list[str]) -> str | None:
    """The provider's keys that requests since the row began carried: all of these, no other."""
    found = {request["headers"].get("x-api-key") for request in replay.requests(row) if request["path"] == "/v1/messages"}
    return None if found == set(expected) else f"the provider saw {len(found)} of its keys, expected {len(set(expected))}: another key, or not each of them"


def gateway_meanwhile(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """While the provider misbehaves, every request is answered: by the first of these models, now and then by another of them."""
    behave, before = replay.lab / "provider" / "behave.json", len(replay.all_requests())
    behave.write_text(json.dumps(expected["provider"]))
    try:
        for _ in range(expected["requests"]):
            status, answer = replay.ask_gateway(expected["key"], expected["model"])
            if status != 200:
                return f"while the provider does {expected['provider']}, the gateway answers {status}: {answer[:600]}"
    finally:
        behave.unlink()
    seen = [(request["body"]["model"], request["status"]) for request in replay.all_requests()[before:]]
    answered = {model for model, status in seen if status == 200}
    if expected["answered"][0] not in answered or not answered <= set(expected["answered"]):
        return f"{sorted(answered)} answered, expected {' and perhaps '.join(expected['answered'])}"
    refused = [status for _, status in seen if status != 200]
    if not 1 <= len(refused) <= expected["refused_at_most"]:
        return f"the provider refused {len(refused)} requests, expected 1 to {expected['refused_at_most']}"
    return None


def clouds_meanwhile(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """What the block prints while none, the first, the first two, ... of these providers refuse every request.

    Refused with the first status; with each other one, the first provider alone refuses. Then all are well again.
    """
    rules = [replay.folder(name) / "behave.json" for name in expected["order"]]
    found = []
    try:
        for rule in rules:
            found.append(replay.elsewhere(row, {}).output.strip())
            rule.write_text(json.dumps({"status": expected["statuses"][0]}))
        for rule in rules[1:]:
            rule.unlink()
        for status in expected["statuses"][1:]:
            rules[0].write_text(json.dumps({"status": status}))
            printed = replay.elsewhere(row, {}).output.strip()
            if printed != expected["prints"][1]:
                return f"it printed {printed!r} while the first provider refused with {status}, expected {expected['prints'][1]}"
    finally:
        for rule in rules:
            rule.unlink(missing_ok=True)
    if found != expected["prints"]:
        return f"it printed {found} while none, one, two and more of the providers refused, expected {expected['prints']}"
    try:
        wait_until(lambda: replay.elsewhere(row, {}).output.strip() == found[0], expected["recovers_within"], "the first provider's return")
    except TimeoutError:
        return f"it does not print {found[0]} again within {expected['recovers_within']} seconds after all providers are well"
    return None


def asked_hosts(replay: Replay, row: Row, expected: list[str]) -> str | None:
    """The host names under which the provider was asked since the row began, in order."""
    found = _hosts(replay.requests(row))
    return None if found == expected else f"the provider was asked as {found}, expected {expected}"


def regions_meanwhile(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """While one region misbehaves, every request is answered; which regions were asked for them, in order."""
    behave, before = replay.lab / "provider" / "behave.json", len(replay.all_requests())
    behave.write_text(json.dumps(expected["provider"]))
    try:
        answers = [replay.ask_gateway(expected["key"], expected["model"])[0] for _ in range(expected["requests"])]
    finally:
        behave.unlink()
    found = _hosts(replay.all_requests()[before:])
    if set(answers) != {200}:
        return f"while the provider does {expected['provider']}, the gateway answers {answers}"
    return None if found == expected["asked"] else f"the provider was asked as {found}, expected {expected['asked']}"


def _hosts(requests: list[dict[str, Any]]) -> list[str]:
    return [request["headers"]["host"] for request in requests if request["path"] == "/v1/messages"]


def unit(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """What systemd made of a unit of the reader's."""
    assert replay.systemd
    name, show = expected["name"], replay.systemd.show
    ready = replay.book.fact("site.gateway_address") + "/health/readiness"
    if "enabled" in expected and show(name, "UnitFileState") != "enabled":
        return f"{name} is {show(name, 'UnitFileState')}, expected enabled"
    wait_until(lambda: replay.serves(ready), 120, f"an answer of {name}")
    old = show(name, "MainPID")
    if "confined" in expected:
        status = replay.inside.run(["cat", f"/proc/{old}/status"], {"PATH": os.defpath}).stdout
        missing = [line for line in (r"NoNewPrivs:\t1", r"Seccomp:\t2") if not re.search(f"^{line}$", status, re.MULTILINE)]
        written = replay.inside.run(["nsenter", "-t", old, "-m", "touch", "/usr/local/of-the-unit"], {"PATH": os.defpath + ":/usr/sbin:/sbin"})
        if missing or "Read-only file system" not in written.stderr:
            return f"{name}: {', '.join(missing) or 'the process can write outside its folder'}"
    if "comes_back" in expected:
        replay.inside.run(["kill", "-KILL", old], {"PATH": os.defpath})
        wait_until(lambda: show(name, "MainPID") not in {old, "0"} and replay.serves(ready), 120, f"the return of {name}")
    return None


def scraped(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """What Prometheus says of its target: it is up with the key, and would be refused without."""
    status, body = replay.get("http://127.0.0.1:9090/api/v1/targets", {})
    found = {target["labels"]["job"]: target for target in json.loads(body)["data"]["activeTargets"]} if status == 200 else {}
    target = found.get(expected["job"])
    if not target or target["health"] != "up":
        return f"Prometheus has {target['lastError'] if target else sorted(found)}"
    status, _ = replay.get(target["scrapeUrl"], {})
    return None if status == 401 else f"{target['scrapeUrl']} answers {status} without the key"


def measures(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """Every selector of a rule finds something in the gateway's own metrics, after a request that is answered and one that is not."""
    for model in ("claude-opus-5-5", "a-name-that-nobody-knows"):
        replay.ask_gateway(expected["key"], model)
    key = {"authorization": "Bearer " + replay.outside(expected["key"]).read_text().strip()}
    selectors = re.findall(r'(litellm_\w+)\{(\w+="[^"]*")\}', replay.outside(expected["rules"]).read_text())

    def missing() -> list[str]:
        lines = replay.get(replay.book.fact("site.gateway_address") + "/metrics/", key)[1].split("\n")
        return [f"{name}{{{label}}}" for name, label in selectors if not any(line.startswith(name + "{") and label in line for line in lines)]

    try:
        wait_until(lambda: not missing(), 10, "the metrics of the rules")
    except TimeoutError:
        return f"the gateway's metrics have no {', '.join(missing())}"
    return None if selectors else "the rules name none of LiteLLM's metrics"


def job(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """The commands of a CI job, as its runner would run them: they end well, Claude is asked what it is meant to, and the token is not in the log."""
    token = replay.content(expected["token"])
    done = _job(replay, row, expected["form"], row.text, token)
    row.status, row.output = done.status, done.log
    if done.status != 0:
        return f"the job ends with status {done.status}; its log:\n{done.log[-1500:]}"
    bodies = [json.dumps(request["body"]) for request in replay.requests(row)]
    if not any(all(json.dumps(part)[1:-1] in body for part in expected["asks"]) for body in bodies):
        return f"no request holds all of {expected['asks']}"
    return "the job's log holds the token" if token in done.log else None


def job_past_the_gateway(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """The job with the provider's address in place of the gateway's: it ends at its first question, and asks no other."""
    direct = replay.direct_env()
    text, before = row.text.replace(replay.book.fact("site.gateway_url"), direct["ANTHROPIC_BASE_URL"]), len(replay.all_requests())
    done = _job(replay, row, expected["form"], text, direct["ANTHROPIC_AUTH_TOKEN"])
    seen = {request["status"] for request in replay.all_requests()[before:] if request["path"] == "/v1/messages"}
    if seen != {404}:
        return f"past the gateway, the provider answered {sorted(seen)}, expected only 404; the log:\n{done.log[-1500:]}"
    return f"past the gateway, the job ends with status {done.status}" if done.status != expected["status"] else None


def job_in_a_hostile_project(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """The job in a project whose settings name another address: nothing goes there."""
    elsewhere, before = replay.direct_env()["ANTHROPIC_BASE_URL"], len(replay.all_requests())
    done = _job(replay, row, expected["form"], row.text, replay.content(expected["token"]), jobs.HOSTILE.replace("ADDRESS", elsewhere))
    wrong = [request for request in replay.all_requests()[before:] if request["headers"].get("host") == urllib.parse.urlsplit(elsewhere).netloc]
    if wrong:
        return f"{len(wrong)} requests went to the address that the project's settings name"
    return None if done.status == 0 else f"the job ends with status {done.status}; its log:\n{done.log[-1500:]}"


def job_with_a_failing_git(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """The job where git cannot tell the change: it ends badly, although Claude answers."""
    before = len(replay.all_requests())
    done = _job(replay, row, expected["form"], row.text, replay.content(expected["token"]), jobs.BROKEN_GIT)
    asked = sum(request["path"] == "/v1/messages" for request in replay.all_requests()[before:])
    if asked != 2:
        return f"where git fails, Claude asks {asked} times, expected 2: the job ends for another reason; its log:\n{done.log[-1500:]}"
    return "the job ends with status 0 although git failed" if done.status == 0 else None


def as_environment(replay: Replay, row: Row, expected: dict[str, Any]) -> str | None:
    """A Claude Code that is started with the variables of VS Code's settings reaches the gateway; its first word is the answer."""
    listed = {item["name"]: item["value"] for item in json.loads(row.text)[renderings.VSCODE]}
    token = replay.content(expected["token"])
    env = {name: token if value == renderings.PASTED else value for name, value in listed.items()}
    definition = read_yaml(row.block.path)
    named = {**definition["env"], definition["credential"]["variable"]: token, **dict.fromkeys(definition["unset"], "")}
    if env != named:
        return f"it sets {sorted(env)}, the definition says {sorted(named)}, or another value"
    quiet = replay.book.fact("lab.differences.client-quiet.env")
    result = replay._fresh_client().run(replay.book.block("patterns/shared-gateway/verify.sh").path.read_text().strip(), {**env, **quiet})
    row.status, row.output = result.status, result.output
    return exit(replay, row, 0)


def _job(replay: Replay, row: Row, form: str, text: str, token: str, before: str = "true") -> jobs.Done:
    return jobs.run(replay, form, text, token, replay.book.fact("versions.claude-code.version"), before)


KINDS: dict[str, Callable[..., str | None]] = {
    function.__name__: function
    for function in (
        exit, file, installed, gateway_models, hides, prints, prints_match, prints_names,
        listens, dials, environment, provider_request, models_asked, provider_saw, gone, proxied, loads,
        gateway_routes, gateway_request, fails_past_the_gateway, tells_apart, fails_with, asks_while, absent, unknown_past_the_gateway,
        legs, front_log, front_answers, tls, listens_only, refused, fails_past_the_proxy,
        provider_keys, gateway_meanwhile, clouds_meanwhile, asked_hosts, regions_meanwhile, unit, scraped, measures,
        ends_past_the_gateway, as_environment, job, job_past_the_gateway, job_in_a_hostile_project,
        job_with_a_failing_git,
    )
}  # fmt: skip
