"""Writes down what the pinned programs read: ``schemas/known/``.

    python -m tests.dump_known            rewrites the files; prints what changed
    python tests/dump_known.py litellm    run by LiteLLM's own Python: prints its keys as JSON

LiteLLM checks almost nothing of its configuration, so what it reads is taken
from the program: pydantic models, signatures, module attributes, and the names
its code looks up that no model has. Claude Code carries its settings schema and
its table of environment variables as JavaScript text inside its binary. The
result is sorted and holds no time and no path, so an upgrade shows as a diff.
"""

from __future__ import annotations

import collections
import enum
import inspect
import json
import mmap
import os
import re
import subprocess
import sys
import tempfile
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
KNOWN = ROOT / "schemas" / "known"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
#: A string LiteLLM replaces by a variable's value, whatever type the key has.
#: Source: ProxyConfig._resolved_config_value in litellm/proxy/proxy_server.py.
REFERENCE = "^os\\.environ/"
Schema = dict[str, Any]


# LiteLLM: run by its own Python -----------------------------------------------------


def schema_of(annotation: Any, inside: tuple[Any, ...] = (), lax: bool = False) -> Schema:
    """A Python annotation as a small JSON Schema; ``{}`` where it allows anything or cannot be told.

    ``lax``: the value goes through pydantic, which also takes a number or a flag written as text.
    """
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Annotated, typing.Required, typing.NotRequired) or "ReadOnly" in str(origin):
        return schema_of(parts[0], inside, lax)
    if origin in (typing.Union, types.UnionType):
        return _either([schema_of(part, inside, lax) for part in parts])
    if origin is typing.Literal:
        return {"enum": list(parts)}
    simple = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
    if annotation in simple:
        return _replaceable({"type": [simple[annotation]]}, lax)
    kind = origin or annotation
    if kind in (list, tuple, set, frozenset, collections.abc.Sequence):
        items = schema_of(parts[0], inside, lax) if parts else {}
        return {"type": ["array"], **({"items": items} if items else {})}
    if kind in (dict, collections.abc.Mapping):
        values = schema_of(parts[1], inside, lax) if len(parts) > 1 else {}
        return {"type": ["object"], "additionalProperties": values or True}
    if not inspect.isclass(annotation) or annotation in inside:
        return {}
    if issubclass(annotation, enum.Enum):
        return {"enum": [member.value for member in annotation]}
    fields: dict[str, Any] = {}
    if hasattr(annotation, "model_fields"):
        fields = {field.alias or name: field.annotation for name, field in annotation.model_fields.items()}
    elif typing.is_typeddict(annotation):
        fields = typing.get_type_hints(annotation)
    if fields:  # other keys are not an error: models are not complete, as those of the sections are not
        properties = {name: schema_of(field, (*inside, annotation), lax) for name, field in fields.items()}
        return {"type": ["object"], "properties": properties, "additionalProperties": True}
    return {}


def _replaceable(schema: Schema, lax: bool) -> Schema:
    """The same, or the name of a variable; with ``lax`` also the value written as text."""
    kinds = schema["type"]
    if "string" in kinds or kinds == ["null"]:
        return schema
    as_text = {"boolean": "|^([Tt]rue|[Ff]alse)$", "integer": "|^-?[0-9_]+$", "number": "|^-?[0-9_.eE+-]+$"}[kinds[0]] if lax else ""
    return {"type": [*kinds, "string"], "pattern": REFERENCE + as_text}


def _either(schemas: list[Schema]) -> Schema:
    """One schema that allows what any of them allows, and perhaps more."""
    if any(not schema for schema in schemas):
        return {}
    enums = [value for schema in schemas for value in schema.get("enum", [])]
    kinds = [schema for schema in schemas if "type" in schema]
    if enums and any(schema["type"] != ["null"] for schema in kinds):
        return {}
    if enums:
        return {"enum": [*enums, None] if kinds else enums}
    found: Schema = {"type": sorted({kind for schema in kinds for kind in schema["type"]})}
    if not any("string" in schema["type"] and "pattern" not in schema for schema in kinds):
        patterns = sorted({schema["pattern"] for schema in kinds if "pattern" in schema}, key=len)
        found |= {"pattern": patterns[-1]} if patterns else {}
    shapes = [schema for schema in kinds if "object" in schema["type"]]
    for shape in shapes:
        if "properties" in shape:
            found.setdefault("properties", {}).update(shape["properties"])
    if shapes and not any("properties" in shape for shape in shapes):
        found["additionalProperties"] = shapes[0].get("additionalProperties", True)
    elif any(shape.get("additionalProperties") is True and "properties" in shape for shape in shapes):
        found["additionalProperties"] = True
    lists = [schema for schema in kinds if "array" in schema["type"]]
    if len(lists) == 1 and "items" in lists[0]:
        found["items"] = lists[0]["items"]
    return found


def lookups(sources: Iterable[str]) -> dict[str, set[str]]:
    """Name of a dictionary -> the names that code looks up in it: ``x.get("n")``, ``x["n"]``, ``"n" in x``."""
    found: dict[str, set[str]] = collections.defaultdict(set)
    get = re.compile(r"\b(\w+)(?:\.(?:get|pop|setdefault)\(|\[)\s*[\"']([a-zA-Z0-9_]+)[\"']")
    within = re.compile(r"[\"']([a-zA-Z0-9_]+)[\"']\s+(?:not\s+)?in\s+(?:self\.)?(\w+)\b")
    for source in sources:
        for holder, name in get.findall(source):
            found[holder].add(name)
        for name, holder in within.findall(source):
            found[holder].add(name)
    return found


def looked_up(found: dict[str, set[str]], *endings: str) -> set[str]:
    """What is looked up in any dictionary whose name ends so."""
    return {name for holder, names in found.items() if holder.endswith(endings) for name in names}


def body(source: str, start: str) -> str:
    """The text of one function or class: from its first line to the next line indented as little."""
    lines = source.splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip().startswith(start))
    indent = len(lines[at]) - len(lines[at].lstrip())
    signature = next(number for number in range(at, len(lines)) if lines[number].rstrip().endswith(":"))
    end = next((n for n in range(signature + 1, len(lines)) if lines[n].strip() and len(lines[n]) - len(lines[n].lstrip()) <= indent), len(lines))
    return "\n".join(lines[at:end])


def litellm_keys() -> Schema:
    """What this Python's LiteLLM reads. Needs LITELLM_LOCAL_MODEL_COST_MAP=True."""
    import importlib.metadata

    import litellm
    from litellm import Router
    from litellm.caching.caching import Cache
    from litellm.constants import ROUTER_SETTINGS_MANAGED_OUTSIDE_CONFIG
    from litellm.proxy._types import ConfigGeneralSettings, ConfigYAML
    from litellm.proxy.auth.master_key_boot_check import PUBLICLY_KNOWN_MASTER_KEY_SHA256_DIGESTS
    from litellm.proxy.common_utils.config_includes import INCLUDE_KEY
    from litellm.proxy.proxy_server import ProxyConfig
    from litellm.types.caching import LiteLLMCacheType
    from litellm.types.router import LiteLLM_Params, ModelInfo
    from litellm.types.utils import CredentialItem, all_litellm_params

    package = Path(litellm.__file__).parent
    sources = {path: path.read_text("utf-8", errors="replace") for path in sorted(package.rglob("*.py"))}
    server = sources[package / "proxy" / "proxy_server.py"]
    loader, config_class = body(server, "async def load_config"), body(server, "class ProxyConfig")
    everywhere = lookups(sources.values())

    def section(typed: Schema, also: Iterable[str], extra: bool = False) -> Schema:
        named = {name: {} for name in also if not name.startswith("_")} | typed
        return {"type": ["object", "null"], "properties": named, **({"additionalProperties": True} if extra else {})}

    general = schema_of(ConfigGeneralSettings)["properties"]
    read_general = looked_up(everywhere, "general_settings")

    special = set(re.findall(r"\bkey == \"(\w+)\"", loader)) | set(re.findall(r"\"(\w+)\"", " ".join(re.findall(r"\bkey in \{([^}]*)\}", loader))))
    read_litellm = looked_up(everywhere, "litellm_settings") | set(re.findall(r"getattr\(\s*litellm,\s*\"(\w+)\"", "\n".join(sources.values())))
    settings: dict[str, Schema] = {}
    for name in sorted(set(vars(litellm)) | set(litellm.__annotations__)):
        value = getattr(litellm, name, None)
        plain = value is None or isinstance(value, bool | int | float | str | list | dict | set | tuple)
        if name.startswith("_") or name.isupper() or not name.islower() or not plain or (name not in litellm.__annotations__ and value is None):
            continue
        if name in litellm.__annotations__:
            annotation = litellm.__annotations__[name]
            try:
                annotation = eval(annotation, vars(litellm)) if isinstance(annotation, str) else annotation  # noqa: S307
            except NameError:
                annotation = None
            settings[name] = schema_of(annotation) if annotation is not None else {}
        else:
            settings[name] = schema_of(type(value))
        if isinstance(value, bool) and settings[name].get("type") == ["boolean"]:
            settings[name] = schema_of(bool)
    settings = {name: {} if name in special else schema for name, schema in settings.items()}

    router = {}
    for name, parameter in inspect.signature(Router.__init__, eval_str=True).parameters.items():
        if name != "self" and name not in ROUTER_SETTINGS_MANAGED_OUTSIDE_CONFIG:
            router[name] = _with_default(schema_of(parameter.annotation), parameter.default)
    cache = {}
    for name, parameter in inspect.signature(Cache.__init__, eval_str=True).parameters.items():
        if name not in ("self", "kwargs", "_backend"):
            cache[name] = _with_default(schema_of(parameter.annotation), parameter.default)
    cache["port"] = {}  # said to be text; it goes to redis-py, which takes a number, as in LiteLLM's documentation
    redis = set(litellm._redis._get_redis_kwargs()) | {"url", "redis_startup_nodes", "sentinel_nodes", "service_name", "sentinel_password"}

    params = schema_of(LiteLLM_Params, lax=True)["properties"]
    read_params = set(all_litellm_params) | set(litellm.OPENAI_CHAT_COMPLETION_PARAMS)
    read_params |= looked_up(everywhere, "litellm_params") | everywhere["optional_params"] | everywhere["kwargs"] | everywhere["data"]
    info = schema_of(ModelInfo, lax=True)["properties"]
    read_info = looked_up(everywhere, "model_info") | {key for entry in litellm.model_cost.values() for key in entry}
    entry = looked_up(everywhere, "deployment", "model_entry") - {"litellm_params", "model_info"}

    try:
        Router(model_list=[], routing_strategy="no such strategy")  # type: ignore[arg-type]
    except ValueError as problem:
        strategies = re.findall(r"'([\w-]+)'", str(problem).split("Valid options:")[1].split("]")[0])
    router["routing_strategy"] = {"enum": sorted(strategies), "default": router["routing_strategy"]["default"]}
    callback_sources = [text for path, text in sources.items() if path.name in ("callback_utils.py", "litellm_logging.py")]
    callbacks = set(litellm._known_custom_logger_compatible_callbacks)
    for text in callback_sources:
        callbacks |= set(re.findall(r"\b(?:callback|logging_integration)\s*==\s*\"(\w+)\"", text))
    listed = (value for name, value in vars(litellm).items() if name.endswith("_models") and isinstance(value, list | set))
    bare = []
    for name in sorted({*litellm.model_cost, *(name for names in listed for name in names)}):
        if "/" not in name:
            try:
                litellm.get_llm_provider(name)
            except Exception:  # noqa: BLE001  # LiteLLM raises several kinds; all mean that it does not know the model
                continue
            bare.append(name)

    top = lookups([config_class])["config"] | set(ConfigYAML.model_fields) | {INCLUDE_KEY}
    top |= lookups([body(sources[package / "proxy" / "proxy_cli.py"], "def run_server")])["_config"]
    top -= {"force_reload", "interval_hours"}  # of another dictionary of that name, in the database
    return _sorted(
        {
            "$schema": DRAFT,
            "title": f"What LiteLLM {importlib.metadata.version('litellm')} reads from its configuration (dumped; rewritten by make update)",
            "$defs": {
                "config": section({}, top),
                "general_settings": section(general, read_general),
                "litellm_settings": section(settings, read_litellm | special),
                "router_settings": section(router, []),
                "cache_params": section(cache, redis, extra=True),
                "model": {"type": ["object"], "properties": {name: {} for name in entry | {"model_name", "litellm_params", "model_info"}}},
                "litellm_params": {"type": ["object"], "properties": {name: {} for name in read_params} | params, "additionalProperties": True},
                "litellm_params_documented": {"enum": sorted(set(params) | set(litellm.OPENAI_CHAT_COMPLETION_PARAMS))},
                "model_info": {"type": ["object", "null"], "properties": {name: {} for name in read_info} | info, "additionalProperties": True},
                "credential": schema_of(CredentialItem),
                "cache_type": {"enum": sorted(member.value for member in LiteLLMCacheType)},
                "callback": {"enum": sorted(callbacks)},
                "provider": {"enum": sorted(str(getattr(name, "value", name)) for name in litellm.provider_list)},
                "bare_model": {"enum": bare},
                "openai_endpoint": {"enum": sorted(litellm.openai_compatible_endpoints)},
                "public_master_key_sha256": {"enum": sorted(PUBLICLY_KNOWN_MASTER_KEY_SHA256_DIGESTS)},
                "skipped_environment": {"enum": sorted(ProxyConfig._BLOCKED_ENV_KEYS)},
            },
        }
    )


def _with_default(schema: Schema, default: object) -> Schema:
    """The schema of a parameter, with what it is when it is left out."""
    if isinstance(default, enum.Enum):
        default = default.value
    return {**schema, "default": default} if isinstance(default, bool | int | float | str) else schema


def _sorted(schema: Any) -> Any:
    """Keys in order; ``enum`` and ``type`` keep theirs, ``null`` last."""
    if isinstance(schema, dict):
        return {key: _sorted(schema[key]) for key in sorted(schema)}
    return [_sorted(item) for item in schema] if isinstance(schema, list) else schema


# Claude Code: text inside its binary --------------------------------------------------


#: A key of the settings schema, and the function that makes its type: ``apiKeyHelper:()=>n().optional()``.
SETTING = re.compile(rb"[,{](\$?[A-Za-z]\w*):\(\)=>(\w{1,4})\((\[\"[^\]]*\"\]\))?")
#: Keys whose type tells which function makes which type.
ANCHORS = {"apiKeyHelper": "string", "respectGitignore": "boolean", "cleanupPeriodDays": "number", "availableModels": "array",
           "fileSuggestion": "object", "modelOverrides": "object", "autoUpdatesChannel": "enum"}  # fmt: skip
#: The table of variables: ``var Re=H.bool()`` and ``NAME:()=>Re``.
VARIABLE_TYPE = re.compile(rb"(?<![\w$.])([A-Za-z_$][\w$]*)=([A-Za-z_$][\w$]*)\.(bool|triBool|int|enum|str|rawStr|names)\(")
VARIABLE = re.compile(rb"[{,]([A-Z][A-Z0-9_]{2,}|[a-z]+_proxy):\(\)=>([\w$]+)(?=[,}])")
#: Names in the program's text, each with a beginning that can be searched for, and what stands before and after one that is meant.
OWN = (rb"ANTHROPIC_[A-Z0-9_]*[A-Z0-9]", rb"CLAUDE_[A-Z0-9_]*[A-Z0-9]", rb"VERTEX_REGION_[A-Z0-9_]*[A-Z0-9]", rb"NODE_TLS_[A-Z_]*[A-Z]", rb"BASH_[A-Z_]+_MS")
BEFORE, AFTER = b".\"'`,{( ", b"\"'`:=,)}];&|?!. "


def own_names(data: mmap.mmap) -> set[str]:
    found = (match for pattern in OWN for match in re.finditer(pattern, data))
    return {match.group().decode() for match in found if data[match.start() - 1] in BEFORE and data[match.end()] in AFTER}


def claude_keys(program: Path, version: str) -> Schema:
    """Settings keys and variable names of one Claude Code binary. Raises ValueError when its text is made differently."""
    with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = [match.start() for match in re.finditer(rb"\$schema:\(\)=>\w+\(\)\.optional\(\)\.describe\(\"JSON Schema reference for Claude", data)]
        if len(at) != 1:
            raise ValueError(f"{program.name}: {len(at)} settings schemas found, not one; adapt SETTING in tests/dump_known.py")
        settings, end = {}, at[0]
        for match in SETTING.finditer(data, at[0] - 1):
            if match.start() - end > 12_000:  # descriptions are long; what follows the schema is another module
                break
            settings.setdefault(match.group(1).decode(), (match.group(2), match.group(3)))
            end = match.start()
        kinds = {settings[name][0]: kind for name, kind in ANCHORS.items()}
        declared = list(VARIABLE_TYPE.finditer(data, at[0] - 4_000_000, at[0]))
        maker = collections.Counter(match.group(2) for match in declared).most_common(1)[0][0]
        declared = [match for match in declared if match.group(2) == maker]
        kind_of = {match.group(1): match.group(3).decode() for match in declared}
        table = {
            m.group(1).decode(): kind_of[m.group(2)] for m in VARIABLE.finditer(data, declared[0].start() - 60_000, declared[-1].end()) if m.group(2) in kind_of
        }
        own = own_names(data)
    if len(settings) < 100 or len(table) < 500:
        raise ValueError(f"{program.name}: only {len(settings)} settings and {len(table)} variables found; adapt tests/dump_known.py")

    def setting(made: bytes, values: bytes | None) -> Schema:
        kind = kinds.get(made)
        if kind == "enum":
            return {"enum": json.loads(values[:-1])} if values else {"type": ["string"]}
        return {"type": [kind]} if kind else {}

    json_kinds = {"bool": "boolean", "triBool": "boolean", "int": "integer"}
    variables = {name: {} for name in own} | {name: {"x-kind": json_kinds[kind]} if kind in json_kinds else {} for name, kind in table.items()}
    return _sorted(
        {
            "$schema": DRAFT,
            "title": f"What Claude Code {version} reads from its settings and its environment (dumped; rewritten by make update)",
            "$defs": {
                "settings": {"type": ["object"], "properties": {name: setting(*made) for name, made in settings.items()}},
                "env": {"type": ["object"], "properties": variables},
            },
        }
    )


# Writing -----------------------------------------------------------------------------


def fresh() -> dict[str, Schema]:
    """Name of the file -> its content, from the installed programs."""
    from macros.ledger import load
    from tests.lab import programs

    book = load(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        env = {"PATH": os.defpath, "HOME": folder, "LANG": "C.UTF-8", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        done = subprocess.run([str(programs.litellm_python()), "-I", __file__, "litellm"], cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"LiteLLM's keys cannot be dumped: {done.stderr[-2000:]}")
    return {
        "litellm.json": json.loads(done.stdout.splitlines()[-1]),
        "claude-code.json": claude_keys(programs.claude(), str(book.fact("versions.claude-code.version"))),
    }


def text(schema: Schema, depth: int = 0) -> str:
    """As it stands in the file: a line for each key of a section and for each value of a list."""
    if depth > 3 or not isinstance(schema, dict | list) or not schema:
        return json.dumps(schema, ensure_ascii=False)
    open_, close = "{}" if isinstance(schema, dict) else "[]"
    items = (
        [f"{json.dumps(key)}: {text(value, depth + 1)}" for key, value in schema.items()] if isinstance(schema, dict) else [json.dumps(item) for item in schema]
    )
    pad = " " * (depth + 1)
    return f"{open_}\n{pad}" + f",\n{pad}".join(items) + f"\n{' ' * depth}{close}" + ("\n" if depth == 0 else "")


def main() -> int:
    KNOWN.mkdir(exist_ok=True)
    for name, schema in fresh().items():
        path = KNOWN / name
        before = path.read_text("utf-8") if path.exists() else ""
        path.write_text(text(schema), "utf-8")
        print(f"schemas/known/{name}: {'unchanged' if before == text(schema) else 'rewritten; look at the difference'}")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["litellm"]:
        print(json.dumps(litellm_keys()))
    else:
        sys.exit(main())
