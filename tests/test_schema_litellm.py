"""LiteLLM's configuration: what the rules reject and accept, and what LiteLLM itself does with it."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from macros.ledger import Book, schema, validate
from schemas.rules import KINDS, check, kind_of
from schemas.rules.document import leaves
from schemas.rules.keys import _validator, near
from schemas.rules.report import rules
from schemas.rules.secrets import variable, weak, what
from tests import dump_known
from tests.lab import programs
from tests.lab.litellm_fork import Forker
from tests.lab.programs import ROOT
from tests.schemas import ENV, SECRETS, differences, environment, files, table, text
from tests.schemas.gateway import Outcome, Starter, dummy_environment, starter

EXPECTED, NOTICED, SHIPPED = table("litellm/expected"), table("litellm/noticed"), table("litellm/shipped")
INVALID, VALID, WITH_NOTICES = files("litellm/invalid"), files("litellm/valid"), files("litellm/noticed")
#: What the valid examples ask of the environment beside the usual.
VALID_ENV = {
    **ENV, "AWS_REGION": "us-east-1", "GOOGLE_CLOUD_PROJECT": "handbook", "AZURE_AI_API_KEY": "a-key-of-no-use", "REDIS_HOST": "127.0.0.1",
    "REDIS_PORT": "1", "REDIS_PASSWORD": "of-no-use", "LANGFUSE_PUBLIC_KEY": "of-no-use", "LANGFUSE_SECRET_KEY": "of-no-use",
}  # fmt: skip


def found(name: str, entry: dict[str, Any], path: Path) -> list[Any]:
    return check(text(path), "litellm", name, None if entry.get("without_env") else environment(entry))


# The rules and their data -----------------------------------------------------------


def test_rules_are_data_with_sources() -> None:
    path = ROOT / "schemas" / "rules" / "rules.yaml"
    data = yaml.safe_load(path.read_text())
    validate(data, path.with_name("rules.schema.json"), path)
    assert len({rule["id"] for rule in data}) == len(data), "an id stands twice"


def test_every_rule_has_an_example() -> None:
    """Closure: what the tables name is exactly what the rules can say."""
    tables = [EXPECTED, NOTICED, table("settings/expected"), table("settings/noticed")]
    used = {row["rule"] for one in tables for entry in one.values() for row in (*entry.get("errors", []), *entry.get("notices", []))}
    assert used == set(rules())


def test_every_file_stands_in_a_table() -> None:
    assert set(EXPECTED) == set(INVALID) and set(NOTICED) == set(WITH_NOTICES)
    assert len(INVALID) >= 40 and len(VALID) >= 20


@pytest.mark.parametrize("name", ["litellm-config.schema.json", "claude-settings.schema.json"])
def test_schemas_and_what_they_refer_to(name: str) -> None:
    """Each $ref leads somewhere, and what is dumped refers to nothing, so that two files hold everything."""
    path = ROOT / "schemas" / name
    jsonschema.Draft202012Validator.check_schema(schema(path))
    for file in re.findall(r'"\$ref": "([^#"]+)#', path.read_text()):
        assert (path.parent / file).is_file()
    assert "$ref" not in "".join(file.read_text() for file in (ROOT / "schemas" / "known").iterdir())


@pytest.mark.parametrize(
    ("name", "data"),
    [("litellm-config", {"model_list": []}), ("claude-settings", {"apiKeyHelper": ""}), ("claude-settings", {"permissions": {"allow": "Bash"}})],
)
def test_what_an_editor_sees_that_knows_only_the_schema(name: str, data: dict[str, Any]) -> None:
    assert list(_validator(f"{name}.schema.json").iter_errors(data))


# Rejected, accepted ---------------------------------------------------------------------


@pytest.mark.parametrize("name", INVALID)
def test_counterexample_is_rejected(name: str) -> None:
    entry = EXPECTED[name]
    assert entry["errors"], f"tests/schemas/litellm/expected.yaml: {name}: a counterexample has an error"
    assert differences(name, found(name, entry, INVALID[name]), "error", entry["errors"]) == []


@pytest.mark.parametrize("name", INVALID)
def test_the_line_holds_what_the_place_names(name: str) -> None:
    lines = text(INVALID[name]).split("\n")
    for row in EXPECTED[name]["errors"]:
        key = re.sub(r"\[\d+\]$", "", row["at"]).rpartition(".")[2]
        missing = row["rule"] in ("missing-key", "model-list-missing", "master-key-missing")
        in_a_list = row["at"].endswith("]")
        assert missing or in_a_list or not key or re.search(rf"(^|[\s\"'{{-]){re.escape(key)}[\"']?\s*:", lines[row["line"] - 1]), row


@pytest.mark.parametrize("name", WITH_NOTICES)
def test_notice(name: str) -> None:
    result = found(name, NOTICED[name], WITH_NOTICES[name])
    assert differences(name, result, "notice", NOTICED[name]["notices"]) == [] and not [finding for finding in result if finding.severity == "error"]


@pytest.mark.parametrize("name", VALID)
def test_valid_example_is_accepted(name: str) -> None:
    """With an environment, and without one. What few notices there are name the client's other models."""
    for env in (VALID_ENV, None):
        result = check(text(VALID[name]), "litellm", name, env)
        assert [finding for finding in result if finding.severity == "error"] == []
        assert {finding.rule for finding in result} <= ({"client-model"} if env else {"client-model", "master-key-missing"})


def configurations(book: Book) -> dict[str, Path]:
    """Every LiteLLM configuration a reader can copy. Data, and files that show a mistake, are none."""
    apart = {book.snippets / name for block in book.blocks.values() for name in block.data.get("counterexamples", [])}
    candidates = sorted(path for ending in ("*.yaml", "*.yml") for path in book.snippets.rglob(ending))
    return {
        path.relative_to(book.snippets).as_posix(): path
        for path in candidates
        if path.name != "ledger.yaml" and path.parent.name not in ("facts", "errors", "rejected") and path not in apart and kind_of(path.name, path.read_text())
    }


#: What is not said of a cloud: whether it has the model that only the alias `fable` asks for. The pages tell so.
WITHOUT_FABLE = {f"providers/{cloud}/config.yaml" for cloud in ("bedrock", "foundry", "vertex")}


def test_our_own_configurations_pass(book: Book) -> None:
    ours = configurations(book)
    assert {"patterns/local-gateway/config.yaml"} | WITHOUT_FABLE <= ours.keys()
    findings = [(name, finding) for name, path in ours.items() for finding in check(path.read_text(), "litellm", name)]
    assert {
        name for name, finding in findings if finding.rule == "client-model" and "no route serves claude-fable-5-2, which" in finding.message
    } == WITHOUT_FABLE
    others = [(name, finding) for name, finding in findings if name not in WITHOUT_FABLE or finding.rule != "client-model"]
    assert [f"snippets/{name}:{finding.line}: {finding.message} ({finding.rule})" for name, finding in others] == []


# How they behave ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*INVALID, *WITH_NOTICES])
def test_no_value_of_a_credential_is_said(name: str) -> None:
    """Whatever is wrong, and also when it is the value itself that breaks the file."""
    content = text({**INVALID, **WITH_NOTICES}[name])
    values = [*SECRETS.values(), ENV["LITELLM_MASTER_KEY"], "swordfish", "123456789012345678"]
    keyless = re.sub(r"\w+: (?=sk-)", "", content)
    for variant in (
        content,
        content.replace("{", "["),
        content.replace(":", ": *", 5),
        content.replace("- ", "-\t"),
        keyless,
        f"{keyless}\n{SECRETS['ANTHROPIC_KEY']}: 1",
    ):
        said = " ".join(finding.message for finding in check(variant, "litellm", name, ENV))
        assert not [value for value in values if value in said]


@pytest.mark.long
def test_nothing_makes_the_rules_fail() -> None:
    """Any value anywhere, and any line left out, gives findings or none, and no exception."""
    chance = random.Random(4)
    odd = [None, True, 0, -1.5, "", "x", [], {}, [[]], {"a": {"b": []}}, {1: 2}, [None], "os.environ/", "${"]
    for path in (*VALID.values(), *WITH_NOTICES.values()):
        data = yaml.safe_load(text(path).removeprefix("\ufeff"))
        places = [at for at, _ in leaves(data)]
        for at in chance.sample(places, min(8, len(places))):
            changed = json.loads(json.dumps(data))
            holder = changed
            at = at[: chance.randint(1, len(at))]
            for part in at[:-1]:
                holder = holder[part]
            holder[at[-1]] = chance.choice(odd)
            check(yaml.safe_dump(changed), "litellm", path.name, chance.choice([None, {}, ENV]))
        lines = text(path).split("\n")
        check("\n".join(line for number, line in enumerate(lines) if number != len(lines) // 2), "litellm", path.name)
    for strange in ("&a [*a]", "a: !tag b", "? [a]\n: b", "- " * 2000, "a: " + "[" * 2000, "\0", "a: 2025-13-45", "a: *b", "1: 2", "[]", "5", "~", "<<: [1]"):
        check(strange, "litellm")


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("api_bas", ["api_base", "api_key"], "api_base"), ("Master-Key", ["master_key"], "master_key"), ("modle", ["model"], "model"),
        ("fallback", ["fallbacks"], "fallbacks"), ("RateLimitErrorRetry", ["RateLimitErrorRetries"], "RateLimitErrorRetries"),
        ("claude-opus-4-8", ["claude-opus-4-7"], None), ("timeout", ["timeout"], None), ("team", ["tpm", "term"], "term"),
        ("rpm", ["tpm"], None),
        ("routing_stratgy_arg", ["routing_strategy_args"], "routing_strategy_args"), ("owner", ["order_of_things"], None), ("TMP_DIR", ["TMUX"], None),
    ],
)  # fmt: skip
def test_near_misses(name: str, known: list[str], meant: str | None) -> None:
    assert near(name, known) == meant


def test_what_is_a_credential() -> None:
    real = SECRETS["ANTHROPIC_KEY"]
    assert what("anything", real) == ("credential", True) and what("x", f"Bearer {real}") == ("credential", True)
    assert what("redis_url", f"redis://:{SECRETS['PASSWORD']}@host/0") == ("password in an address", True)
    assert what("password", "hunter7") == ("credential", False)
    none = [
        ("api_key", "os.environ/NAME"), ("api_key", "fake-key"), ("api_key", "<your key>"), ("api_key", "$NAME"), ("max_tokens", "4096"),
        ("vertex_credentials", "/etc/vertex.json"), ("url", "postgresql://user:password@host/db"), ("langfuse_public_key", "pk-lf-" + "a1b2" * 5),
    ]  # fmt: skip
    assert [pair for pair in none if what(*pair) is not None] == []
    assert weak("sk-1234") and weak("sk-admin-admin-admin") and weak("a" * 40) and not weak(ENV["LITELLM_MASTER_KEY"])


def test_other_ways_to_name_a_variable() -> None:
    for value in ("$NAME", "${NAME}", "${NAME:-other}", "%NAME%", "{{ NAME }}", "{{env.NAME}}", "$env:NAME", "env:NAME", "os.environ.NAME", "os.environ[NAME]",
                  'os.environ["NAME"]', "os.environ.get('NAME')", 'os.getenv("NAME")', "environ/NAME", "os.env/NAME", "os.environ:NAME"):  # fmt: skip
        assert variable(value) == "NAME", value
    for value in (
        "os.environ/NAME",
        "a $5 note",
        "US$",
        "100%",
        "$",
        "anthropic/claude-*",
        "environment/production",
        "env:prod",
        "/env/NAME",
        "$ecretOfNoUse",
        5,
        None,
    ):
        assert variable(value) is None, value


def test_kinds() -> None:
    assert kind_of("config.yaml", "model_list:\n") == "litellm" and kind_of("a.json", "") == "settings"
    assert kind_of("a.yml", "x: 1\n") is None and kind_of("a.txt", "model_list:") is None
    with pytest.raises(ValueError, match="write one of litellm, settings"):
        check("", "toml")
    assert "litellm" in KINDS


# The command -------------------------------------------------------------------------------


def command(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    full = {"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
    return subprocess.run([sys.executable, "-m", "schemas.rules", *arguments], cwd=ROOT, env=full, capture_output=True, text=True, timeout=60)


def test_command_prints_one_line_for_each_finding(tmp_path: Path) -> None:
    bad = tmp_path / "config.yaml"
    bad.write_text(text(INVALID["misspelt-in-litellm-params.yaml"]))
    done = command(str(bad))
    assert done.returncode == 1 and done.stderr == ""
    assert f"{bad}:6: error: model_list[0].litellm_params.api_bas: nothing reads this key; write api_base (misspelt-key)" in done.stdout.splitlines()


def test_command_is_content_and_looks_at_the_environment_when_asked() -> None:
    path = str(VALID["wildcard.yaml"])
    assert (command(path).returncode, command(path).stdout) == (0, "")
    asked = command("--env", path)
    assert asked.returncode == 1 and asked.stdout.count("(environment-unset)") == 2
    assert command("--env", path, env=ENV).returncode == 0


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.yaml", None, "cannot be read"), ("text.txt", b"hello\n", "neither a LiteLLM configuration nor a settings file"),
        ("latin.yaml", b"model_list: \xe9\n", "not UTF-8"), ("broken.yaml", b"model_list: [\n", "it is not YAML"), ("broken.json", b"{\n", "it is not JSON"),
    ],
)  # fmt: skip
def test_command_says_in_one_line_what_it_cannot_read(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = command(str(tmp_path / name))
    assert done.returncode in (1, 2) and done.stderr == "" and len(done.stdout.splitlines()) == 1 and says in done.stdout


# What LiteLLM itself does ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def start(forker: Forker) -> Iterator[Starter]:
    with starter(forker) as one:
        yield one


def run_all(start: Starter, jobs: dict[str, tuple[str, dict[str, str], list[Path]]]) -> dict[str, Outcome]:
    """Start LiteLLM once for each: name -> (configuration, environment, files beside it). Three at a time."""
    with ThreadPoolExecutor(3) as pool:
        running = {name: pool.submit(start.run, *job) for name, job in jobs.items()}
        return {name: job.result() for name, job in running.items()}


@pytest.mark.lab
def test_what_litellm_does_with_the_counterexamples(start: Starter) -> None:
    """Why the rules exist: it starts with most of them, and says nothing."""
    outcomes = run_all(start, {name: (text(path), environment(EXPECTED[name]), []) for name, path in INVALID.items()})
    assert {name: outcome.does for name, outcome in outcomes.items()} == {name: entry["litellm_does"] for name, entry in EXPECTED.items()}
    silent = [name for name, outcome in outcomes.items() if outcome.does == "starts"]
    assert len(silent) > len(outcomes) / 2


@pytest.mark.lab
def test_litellm_starts_with_the_valid_examples(start: Starter) -> None:
    jobs = {}
    for name, path in VALID.items():  # only what the file names: REDIS_HOST alone makes LiteLLM look for a Redis
        named = {*ENV, *re.findall(r"os\.environ/(\w+)", text(path))}
        jobs[name] = (text(path), {key: value for key, value in VALID_ENV.items() if key in named}, list[Path]())
    outcomes = run_all(start, jobs)
    assert {name: outcome.log[-600:] for name, outcome in outcomes.items() if outcome.does != "starts"} == {}


@pytest.mark.lab
def test_no_false_alarm_on_what_litellm_ships(start: Starter) -> None:
    package = next((programs.VENV / "litellm").rglob("site-packages/litellm"))
    there = {path.relative_to(package).as_posix(): path for ending in ("*.yaml", "*.yml") for path in package.rglob(ending)}
    ours = {name for name, path in there.items() if kind_of(name, path.read_text("utf-8"))}
    assert ours == set(SHIPPED), "tests/schemas/litellm/shipped.yaml lists what LiteLLM ships"
    jobs = {}
    for name in SHIPPED:
        content, python = there[name].read_text("utf-8"), sorted(there[name].parent.glob("*.py")) if "example_config_yaml" in name else []
        jobs[name] = (content, dummy_environment(content), python)
    outcomes = run_all(start, jobs)
    assert {name: outcome.does for name, outcome in outcomes.items()} == {name: entry["litellm_does"] for name, entry in SHIPPED.items()}
    for name, (content, env, _) in jobs.items():
        if SHIPPED[name]["litellm_does"] == "starts":
            for known_env in (None, env):
                assert [finding for finding in check(content, "litellm", name, known_env) if finding.severity == "error"] == [], name
        else:
            assert SHIPPED[name]["why"]


@pytest.mark.lab
def test_known_keys_are_those_of_the_installed_programs() -> None:
    """make update rewrites them; an upgrade shows as a difference."""
    for name, content in dump_known.fresh().items():
        committed = (dump_known.KNOWN / name).read_text("utf-8")
        assert committed == dump_known.text(content), f"schemas/known/{name} differs from a fresh dump; run: python -m tests.dump_known"
