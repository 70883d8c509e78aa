"""What LiteLLM accepts in silence and does not do. Pure: a document in, findings out.

Source of the rules: each entry of rules.yaml; what LiteLLM does with each
mistake is measured by tests/test_schema_litellm.py.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from schemas.rules import keys, secrets
from schemas.rules.document import Document, leaves
from schemas.rules.report import Path, Report
from schemas.rules.source import client_models, known, words

SCHEMA = "litellm-config.schema.json"
#: The lists of fallbacks. Source: Router.__init__ and litellm/__init__.py.
FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
CALLBACKS = ("callbacks", "success_callback", "failure_callback")
#: Sections with which a file without models still serves something.
OTHER_ROUTES = ("include", "mcp_servers", "agents", "agent_list", "vector_store_registry", "pass_through_endpoints")
NAME = re.compile(r"[A-Za-z_]\w*")


def check(document: Document, report: Report, env: Mapping[str, str] | None) -> None:
    """Report everything. The order decides which of two rules speaks about one place."""
    data = document.data
    _master_key(data, report, env)
    _banned(data, report)
    _references(data, report, env)
    _secrets(data, report)
    _cache(data, report, env)
    _callbacks(data, report)
    _models(data, report)
    _routes(data, report)
    keys.check(document, SCHEMA, report, _elsewhere())


#: Documented names that are too common to say where they belong.
COMMON = ("model", "email", "token", "user", "tags", "headers", "metadata")


@cache
def _elsewhere() -> dict[str, str]:
    """A documented key -> the section in which LiteLLM reads it, for keys that stand somewhere else."""
    sections = known("litellm")
    found = dict.fromkeys(sections["litellm_params_documented"]["enum"], "litellm_params")
    for section in ("litellm_settings", "general_settings", "router_settings"):
        documented = (name for name, schema in sections[section]["properties"].items() if schema and not name.endswith("_models"))
        found |= dict.fromkeys(documented, section)
    for name in COMMON:
        found.pop(name, None)
    top = (name for name in sections["config"]["properties"] if name.endswith(("_settings", "_list")))
    return found | dict.fromkeys(top, "the top level of the file")


def mapping(value: Any) -> dict[Any, Any]:
    """The value when it is a mapping, else an empty one: shapes are another rule's."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# Credentials and the environment --------------------------------------------------------


def _master_key(data: dict[Any, Any], report: Report, env: Mapping[str, str] | None) -> None:
    general, at = mapping(data.get("general_settings")), ("general_settings", "master_key")
    for section in ("litellm_settings", "router_settings", "environment_variables"):
        if "master_key" in mapping(data.get(section)):
            report.add("master-key-section", (section, "master_key"))
    if "master_key" in data:
        report.add("master-key-section", ("master_key",))
    if "master_key" not in general:
        _master_key_of_environment(data, report, env)
        return
    value = general["master_key"]
    if value is None or (isinstance(value, str) and not value.strip()):
        report.add("master-key-empty", at)
    elif isinstance(value, str) and value.startswith(secrets.REFERENCE):
        if env is not None:
            _strength(env.get(value.removeprefix(secrets.REFERENCE), ""), at, report)
    elif isinstance(value, str) and not secrets.variable(value):
        _strength(value, at, report)


def _master_key_of_environment(data: dict[Any, Any], report: Report, env: Mapping[str, str] | None) -> None:
    if mapping(data.get("general_settings")).get("dangerously_permit_weak_or_unset_master_key") is True:
        return
    at = ("general_settings",) if "general_settings" in data else ()
    if env is None:
        report.add("master-key-missing", at, severity="notice")
    elif not env.get("LITELLM_MASTER_KEY"):
        report.add("master-key-missing", at)
    else:
        _strength(env["LITELLM_MASTER_KEY"], at, report)


def _strength(value: str, at: Path, report: Report) -> None:
    """Source of the digests: master_key_boot_check.py."""
    if not value:
        return
    if hashlib.sha256(value.strip().encode()).hexdigest() in known("litellm")["public_master_key_sha256"]["enum"]:
        report.add("master-key-public", at)
    elif secrets.weak(value):
        report.add("master-key-weak", at)
    elif not value.startswith("sk-"):
        report.add("master-key-prefix", at)


def _references(data: dict[Any, Any], report: Report, env: Mapping[str, str] | None) -> None:
    """Values that stand for a variable, rightly or not."""
    own = mapping(data.get("environment_variables"))
    managed = mapping(data.get("general_settings")).get("key_management_system") is not None
    for path, value in leaves(data):
        if not isinstance(value, str) or path[0] in words("templates") or (len(path) > 1 and path[1] in words("templates")):
            continue
        name = secrets.variable(value)
        if name:
            report.add("literal-variable", path, hint=f"write os.environ/{name}")
        elif value.startswith(secrets.REFERENCE):
            variable = value.removeprefix(secrets.REFERENCE)
            if not NAME.fullmatch(variable):
                if not managed:
                    report.add("environment-name", path)
            elif variable in own and path[0] != "environment_variables" and not (env and variable in env):
                report.add("environment-late", path, variable=variable)
            elif env is not None and variable not in env and not managed:
                report.add("environment-unset", path, variable=variable)
        elif secrets.REFERENCE in value:
            report.add("environment-inside", path)
    for name in own:
        if name in known("litellm")["skipped_environment"]["enum"]:
            report.add("environment-skipped", ("environment_variables", name))


def _secrets(data: dict[Any, Any], report: Report) -> None:
    for path, value in leaves(data):
        key = next((part for part in reversed(path) if isinstance(part, str)), "")
        found = secrets.what(key, value)
        if found is None or report.has(path):
            continue
        if found[1]:
            name = key.upper() if re.fullmatch(r"[A-Za-z_]+", key) else "NAME"
            name = {"MASTER_KEY": "LITELLM_MASTER_KEY", "API_KEY": "UPSTREAM_ANTHROPIC_API_KEY", "AUTHORIZATION": "NAME"}.get(name, name)
            report.add("literal-secret", path, what=found[0], hint=f"write os.environ/{name} and set that variable where LiteLLM starts")
        else:
            report.add("literal-credential", path)


def _banned(data: dict[Any, Any], report: Report) -> None:
    for rule, name in (("banned-setting", "banned"), ("useless-setting", "useless")):
        for entry in words(name):
            for path in _matching(data, entry["path"]):
                value = data
                for part in path:
                    value = value[part]
                if value is entry["value"]:
                    report.add(rule, path, why=entry["why"], hint=entry["hint"])


def _matching(value: Any, wanted: list[str], path: Path = ()) -> Iterator[Path]:
    """Paths that fit a list of keys, in which ``*`` stands for any index."""
    if not wanted:
        yield path
    elif wanted[0] == "*":
        for index, item in enumerate(items(value)):
            yield from _matching(item, wanted[1:], (*path, index))
    elif wanted[0] in mapping(value):
        yield from _matching(value[wanted[0]], wanted[1:], (*path, wanted[0]))


# Settings ---------------------------------------------------------------------------------


def _cache(data: dict[Any, Any], report: Report, env: Mapping[str, str] | None) -> None:
    """Source: ProxyConfig.load_config (Redis without cache_params), Cache.__init__ (memory without a type), _redis.py (REDIS_ variables)."""
    settings = mapping(data.get("litellm_settings"))
    params, at = mapping(settings.get("cache_params")), ("litellm_settings", "cache_params" if settings.get("cache_params") else "cache")
    if "cache_params" in settings and "cache" not in settings:
        report.add("cache-unused", at)
    if settings.get("cache") is not True:
        return
    named = [key for key in ("host", "url", "port", "password", "redis_startup_nodes", "startup_nodes", "sentinel_nodes") if params.get(key)]
    variables = env is not None and any(env.get(name) for name in ("REDIS_HOST", "REDIS_URL", "REDIS_CLUSTER_NODES", "REDIS_SENTINEL_NODES"))
    if params and not params.get("type"):
        report.add("cache-type", (*at, named[0]) if named else at, severity="error" if named else "notice")
    elif params.get("type", "redis") in ("redis", "redis-semantic") and not set(named) - {"port", "password"} and not variables:
        report.add("cache-host", at)


def _callbacks(data: dict[Any, Any], report: Report) -> None:
    known_names = known("litellm")["callback"]["enum"]
    for key in CALLBACKS:
        for index, name in enumerate(items(mapping(data.get("litellm_settings")).get(key))):
            if not isinstance(name, str) or name in known_names or "." in name or secrets.variable(name):
                continue
            meant = keys.near(name, known_names)
            report.add("callback-misspelt" if meant else "callback-unknown", ("litellm_settings", key, index), meant=meant)


# Models and routes --------------------------------------------------------------------------


def _models(data: dict[Any, Any], report: Report) -> None:
    if data.get("model_list") in (None, []):
        general = mapping(data.get("general_settings"))
        elsewhere = any(data.get(key) or general.get(key) for key in OTHER_ROUTES) or general.get("store_model_in_db") is True
        whole = any(key in data for key in ("general_settings", "litellm_settings", "router_settings"))
        at = ("model_list",) if "model_list" in data else ()
        report.add("model-list-missing", at, severity="error" if (whole or at) and not elsewhere else "notice")
    own = {entry.get("provider") for entry in items(mapping(data.get("litellm_settings")).get("custom_provider_map")) if isinstance(entry, dict)}
    for index, entry in enumerate(items(data.get("model_list"))):
        params = mapping(mapping(entry).get("litellm_params"))
        if isinstance(params.get("model"), str) and params["model"]:
            _provider(params, ("model_list", index, "litellm_params"), own, report)


def _provider(params: dict[Any, Any], at: Path, own: set[Any], report: Report) -> None:
    """Source: litellm.get_llm_provider; the lists are dumped from it."""
    sections, model = known("litellm"), params["model"]
    provider, slash, _ = model.partition("/")
    base = params.get("api_base") or params.get("base_url")
    if report.has((*at, "model")) or model.startswith(secrets.REFERENCE):
        return
    if params.get("custom_llm_provider") is None and not (isinstance(base, str) and any(end in base for end in sections["openai_endpoint"]["enum"])):
        providers = sections["provider"]["enum"]
        if not slash:
            bare = re.sub(r"^(us|eu|apac|jp|au|global|us-gov)\.", "", model)
            if not {model, bare} & set(sections["bare_model"]["enum"]) and not re.match(r"ft:|(anthropic|amazon|meta|mistral|cohere|ai21)\.", bare):
                report.add("provider-missing", (*at, "model"))
        elif provider not in providers and provider not in own and provider not in sections["callback"]["enum"] and model not in sections["bare_model"]["enum"]:
            meant = _one_edit(provider, providers)
            report.add("provider-misspelt" if meant else "provider-unknown", (*at, "model"), meant=meant, name=provider)
    if provider == "anthropic" and isinstance(base, str) and re.search(r"/v1/?$", base):
        report.add("api-base-v1", (*at, "api_base" if "api_base" in params else "base_url"))


def _one_edit(name: str, known_names: list[str]) -> str | None:
    """Stricter than near(): mistralai/ is no misspelling of mistral/ but another company's habit."""
    meant = keys.near(name, known_names)
    return meant if meant and keys.edits(name.lower(), meant) <= 1 else None


def _routes(data: dict[Any, Any], report: Report) -> None:
    if not isinstance(data.get("model_list"), list) or data.get("include"):
        return
    router = mapping(data.get("router_settings"))
    names = [entry["model_name"] for entry in data["model_list"] if isinstance(entry, dict) and isinstance(entry.get("model_name"), str)]
    aliases = {**mapping(router.get("model_group_alias")), **mapping(mapping(data.get("litellm_settings")).get("model_alias_map"))}
    served = _served(names)
    for alias, target in mapping(router.get("model_group_alias")).items():
        target = mapping(target).get("model", target) if isinstance(target, dict) else target
        if isinstance(target, str) and not served(target):
            report.add("alias-unknown", ("router_settings", "model_group_alias", alias), model=target, hint=_instead(target, names))
    served = _served([*names, *(alias for alias in aliases if isinstance(alias, str))])
    if names:
        for section in ("router_settings", "litellm_settings"):
            _fallbacks(mapping(data.get(section)), section, names, served, report)
        _client(names, served, report)


def _served(names: list[str]) -> Callable[[str], bool]:
    """Whether a name is routed: by its own entry, or by one with ``*``; ``anthropic/*`` also takes a bare claude name."""
    patterns = [name for name in names if "*" in name]
    return lambda name: name in names or any(fnmatch.fnmatchcase(form, pattern) for pattern in patterns for form in (name, f"anthropic/{name}"))


def _instead(name: str, names: list[str]) -> str:
    meant = keys.near(name, names)
    return f"write {meant}" if meant else f"write one of {', '.join(sorted(set(names))[:8])}, or add an entry of this name"


def _fallbacks(settings: dict[Any, Any], section: str, names: list[str], served: Callable[[str], bool], report: Report) -> None:
    for key in FALLBACKS:
        edges: dict[str, list[tuple[str, Path]]] = {}
        for index, entry in enumerate(items(settings.get(key))):
            for source, targets in mapping(entry).items():
                at: Path = (section, key, index, source)
                if isinstance(source, str) and source != "*" and not served(source):
                    report.add("fallback-unknown", at, model=source, hint=_instead(source, names))
                for place, target in enumerate(items(targets)):
                    target = mapping(target).get("model") if isinstance(target, dict) else target
                    if not isinstance(target, str):
                        continue
                    if target == source:
                        report.add("fallback-self", (*at, place), model=target)
                    elif not served(target):
                        report.add("fallback-unknown", (*at, place), model=target, hint=_instead(target, names))
                    else:
                        edges.setdefault(str(source), []).append((target, (*at, place)))
        for circle, at in _circles(edges):
            report.add("fallback-circle", at, circle=" > ".join(circle))
    for index, target in enumerate(items(settings.get("default_fallbacks"))):
        if isinstance(target, str) and not served(target):
            report.add("fallback-unknown", (section, "default_fallbacks", index), model=target, hint=_instead(target, names))


def _circles(edges: dict[str, list[tuple[str, Path]]]) -> Iterator[tuple[list[str], Path]]:
    """Each circle once, at the entry that closes it."""
    done: set[str] = set()

    def visit(node: str, trail: list[str]) -> Iterator[tuple[list[str], Path]]:
        done.add(node)
        for target, at in edges.get(node, []):
            if target in trail:
                yield [*trail[trail.index(target) :], target], at
            elif target not in done:
                yield from visit(target, [*trail, target])

    for start in edges:
        if start not in done:
            yield from visit(start, [start])


def _client(names: list[str], served: Callable[[str], bool], report: Report) -> None:
    """Whether the gateway serves what Claude Code asks for, told from the names it has (snippets/facts/models.yaml)."""
    background, ids = client_models()
    missing = [name for name in ids if not served(name)]
    if not missing:
        return
    if background in missing and len(missing) < len(ids):
        report.add("background-model", ("model_list",), model=background)
        missing.remove(background)
    if missing and (len(missing) < len(ids) or any("claude" in name for name in names)):
        report.add("client-model", ("model_list",), models=", ".join(missing))
