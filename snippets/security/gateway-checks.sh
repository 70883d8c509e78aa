#!/bin/sh
# Every check of the security checklist, one line each. Ends with 0 when all that ran are ok.
# usage: sh gateway-checks.sh [GROUP or CHECK ...]    groups: install gateway client project accounts

check_litellm_release() (
python3 - <<'EOF'
import pathlib, re, sys
bad, oldest = ["1.82.7", "1.82.8", "1.107.0"], (1, 104, 0)
venv = pathlib.Path.home() / "litellm-gateway" / "venv"
found = sorted(path.name for path in venv.glob("lib/python3*/site-packages/litellm-*.dist-info"))
if len(found) != 1:
    sys.exit(f"wrong: {len(found)} releases of LiteLLM in {venv}; there must be one")
version = found[0].removeprefix("litellm-").removesuffix(".dist-info")
if version in bad:
    sys.exit(f"wrong: LiteLLM {version} is a known bad release; do not start Python there, remove it, change every key")
if tuple(int(part) for part in re.findall(r"\d+", version)[:3]) < oldest:
    sys.exit(f"wrong: LiteLLM {version} has known holes; install a newer release")
print(f"ok: LiteLLM {version}")
EOF
)

check_litellm_traces() (
found=$(find -L ~/litellm-gateway/venv \( -name litellm_init.pth -o -name cook.pth -o -name cook.py -o -name sitecustomize.py \) 2>&1)
if [ -z "$found" ]; then
  echo "ok: no file that a bad release left behind"
else
  echo "wrong: look at this before you start Python there:" $found
  false
fi
)

check_hashes() (
pinned=$(grep -scE '^litellm(\[[a-z,-]+\])?==[0-9]+\.[0-9]+\.[0-9]+ *\\?$' ~/litellm-gateway/requirements.txt)
hashes=$(grep -scE '^ *--hash=sha256:[0-9a-f]{64} *\\?$' ~/litellm-gateway/requirements.txt)
if [ "${pinned:-0}" -eq 1 ] && [ "${hashes:-0}" -ge 1 ]; then
  echo "ok: LiteLLM is pinned to one release and $hashes hashes"
else
  echo "wrong: requirements.txt must pin LiteLLM with == and --hash=sha256:"
  false
fi
)

check_config_keys() (
python3 - <<'EOF'
import pathlib, re, sys
path = pathlib.Path.home() / "litellm-gateway" / "config.yaml"
if not path.is_file():
    sys.exit(f"wrong: no {path}")
name = re.compile(r"^[\s-]*\w*(api_key|master_key|secret|password|token)\w*:\s*[\"']?(?!os\.environ/)[^\s\"'#]", re.IGNORECASE)
shape = re.compile(r"(?<![\w-])sk-[\w-]{16,}")
wrong = [number for number, line in enumerate(path.read_text().splitlines(), 1) if shape.search(line) or name.search(line) and "tokens" not in line]
if wrong:
    sys.exit(f"wrong: config.yaml holds a key in line {', '.join(map(str, wrong))}; write os.environ/ and a variable's name")
print("ok: config.yaml names variables and holds no key")
EOF
)

check_key_files() (
files=$(find ~/litellm-gateway -maxdepth 2 \( -name '.env*' -o -name '*.env' -o -name 'service-account*.json' \) 2>&1)
if [ -z "$files" ]; then
  echo "ok: the provider's key lies in no file of the gateway"
else
  echo "wrong: keep the provider's key in a secret manager, not in" $files
  false
fi
)

check_master_key() (
python3 - <<'EOF'
import pathlib, re, sys
path = pathlib.Path.home() / "litellm-gateway" / "master-key"
key = path.read_text().strip() if path.is_file() else ""
if not key.startswith("sk-") or len(key) < 35 or len(set(key)) < 16 or not re.search("[0-9]", key) or not re.search("[A-Z]", key):
    sys.exit("wrong: the master key can be guessed; make one of 32 random bytes")
print(f"ok: the master key has {len(key)} characters")
EOF
)

check_key_age() (
old=$(find ~/litellm-gateway/master-key ~/litellm-gateway/service-account.json -mtime +89 2>/dev/null)
if [ -e ~/litellm-gateway/master-key ] && [ -z "$old" ]; then
  echo "ok: no key file is older than 90 days"
else
  echo "wrong: older than 90 days:" ${old:-"unknown, because there is no master-key file"}
  false
fi
)

check_file_modes() (
open=$(find ~/litellm-gateway/master-key ~/.claude/.credentials.json \( -perm -g=r -o -perm -o=r \) 2>/dev/null)
if [ -e ~/litellm-gateway/master-key ] && [ -z "$open" ]; then
  echo "ok: only you can read the key files"
else
  echo "wrong: others can read" ${open:-"nothing, because there is no master-key file"}
  false
fi
)

check_listens() (
port=${ANTHROPIC_BASE_URL##*:}
addresses=$(ss -Hltn "sport = :${port%%/*}" | awk '{print $4}' | sort -u)
if [ "$addresses" = "127.0.0.1:${port%%/*}" ]; then
  echo "ok: the gateway listens on this machine only"
else
  echo "wrong: it listens on" ${addresses:-"no address of this machine"}
  false
fi
)

check_closed() (
without() { curl -s -m 20 -o /dev/null -w '%{http_code}' "$ANTHROPIC_BASE_URL$1"; }
with=$(printf 'Authorization: Bearer %s\n' "$ANTHROPIC_AUTH_TOKEN" |
  curl -s -m 20 -H @- -o /dev/null -w '%{http_code}' "$ANTHROPIC_BASE_URL/v1/models")
if [ "$with" != 200 ]; then
  echo "wrong: with the key, /v1/models answers $with; nothing can be said"
  false
elif [ "$(without /v1/models)" -lt 300 ] || [ "$(without /model/info)" -lt 300 ] || [ "$(without /metrics)" -lt 300 ]; then
  echo "wrong: the gateway answers without a key"
  false
else
  echo "ok: no answer without a key"
fi
)

check_pass_through() (
lines=$(grep -sniE '^ *(-? *)auth: *("?false"?|no|off)' ~/litellm-gateway/config.yaml | cut -d: -f1 | tr '\n' ' ')
if [ -r ~/litellm-gateway/config.yaml ] && [ -z "$lines" ]; then
  echo "ok: every pass-through endpoint asks for a key"
else
  echo "wrong: a pass-through endpoint without a key, config.yaml line ${lines:-unknown}"
  false
fi
)

check_client_keys() (
ask() {
  printf 'Authorization: Bearer %s\n' "$ANTHROPIC_AUTH_TOKEN" |
    curl -s -m 20 -H @- -o /dev/null -w '%{http_code}' "$ANTHROPIC_BASE_URL/v1/messages" \
      -H 'anthropic-version: 2023-06-01' -H 'content-type: application/json' \
      -d '{"model": "claude-haiku-5-5", "max_tokens": 1, "num_retries": 0, "messages": [{"role": "user", "content": "."}]'"$1}"
}
plain=$(ask '')
key=$(ask ', "api_key": "not-a-key"')
header=$(ask ', "extra_headers": {"x-api-key": "not-a-key"}')
if [ "$plain $key $header" = "200 403 403" ]; then
  echo "ok: the gateway refuses keys and headers in a request's body"
else
  echo "wrong: plain, with api_key and with extra_headers it answers $plain, $key, $header; expected 200, 403, 403"
  false
fi
)

check_response_cache() (
lines=$(grep -sniE '^ *cache: *("?true"?|yes|on) *(#.*)?$' ~/litellm-gateway/config.yaml | cut -d: -f1 | tr '\n' ' ')
if [ -r ~/litellm-gateway/config.yaml ] && [ -z "$lines" ]; then
  echo "ok: the gateway keeps no answers"
else
  echo "wrong: one user gets another's answers, config.yaml line ${lines:-unknown}"
  false
fi
)

check_debug_log() (
lines=$(grep -scE 'LiteLLM[A-Za-z ]*:DEBUG|"level": "DEBUG"' ~/litellm-gateway/gateway.log)
if [ "$lines" = 0 ]; then
  echo "ok: the log holds no debug lines, and so no prompts"
else
  echo "wrong: ${lines:-unknown} debug lines, which hold prompts; start without --detailed_debug and LITELLM_LOG, and remove the log"
  false
fi
)

check_log_keys() (
key='(^|[^A-Za-z0-9_-])sk-[A-Za-z0-9_-]{20,}'
found=$(grep -rlE "$key" ~/litellm-gateway/gateway.log ~/.claude/debug 2>/dev/null)
if [ -r ~/litellm-gateway/gateway.log ] && [ -z "$found" ]; then
  echo "ok: no key in the logs"
else
  echo "wrong: a key stands in" ${found:-"no log, because there is none"}
  false
fi
)

check_audit_log() (
lines() { grep -sc 'GET /v1/models' ~/litellm-gateway/gateway.log; }
before=$(lines)
printf 'Authorization: Bearer %s\n' "$ANTHROPIC_AUTH_TOKEN" |
  curl -s -m 20 -H @- -o /dev/null "$ANTHROPIC_BASE_URL/v1/models"
sleep 1
after=$(lines)
if [ "${after:-0}" -gt "${before:-0}" ]; then
  echo "ok: a request leaves a line in the log"
else
  echo "wrong: a request left no line in gateway.log"
  false
fi
)

check_refused() (
refused=$(tail -n 1000 ~/litellm-gateway/gateway.log 2>/dev/null | grep -cE 'HTTP/1\.1"[^ ]* [^ ]*(400|401|403|429) ')
if [ -r ~/litellm-gateway/gateway.log ] && [ "$refused" -lt 20 ]; then
  echo "ok: $refused of the last requests were refused"
else
  echo "wrong: ${refused:-unknown} of the last requests were refused; somebody is trying keys, or a client is broken"
  false
fi
)

check_environments() (
projects=$(grep -hE '^ *(vertex_project|aws_account_id|api_base):' ~/litellm-gateway/environments/*.yaml 2>/dev/null | tr -d " \"'" | sort)
twice=$(echo "$projects" | uniq -d)
if [ -n "$projects" ] && [ -z "$twice" ]; then
  echo "ok: no two environments share a project"
else
  echo "wrong: shared between environments:" ${twice:-"unknown, because no file below environments names a project"}
  false
fi
)

check_base_url() (
python3 - <<'EOF'
import json, os, pathlib, sys, urllib.parse
env, path = dict(os.environ), pathlib.Path.home() / ".claude/settings.json"
if path.is_file():
    env |= json.loads(path.read_text()).get("env", {})
url = urllib.parse.urlsplit(env.get("ANTHROPIC_BASE_URL", ""))
if url.scheme == "https" or url.scheme == "http" and url.hostname in ("localhost", "127.0.0.1", "::1"):
    print(f"ok: {url.scheme} to {url.hostname}")
else:
    sys.exit(f"wrong: {url.scheme or 'no address'} to {url.hostname or 'nowhere'}; use https outside this machine")
EOF
)

check_tls() (
python3 - <<'EOF'
import json, os, pathlib, re, sys
off = [("NODE_TLS_REJECT_UNAUTHORIZED", "0"), ("SSL_VERIFY", "false")]
places = {"this terminal": dict(os.environ)}
for path in (pathlib.Path.home() / ".claude/settings.json", pathlib.Path(".claude/settings.json"), pathlib.Path(".claude/settings.local.json")):
    if path.is_file():
        places[str(path)] = json.loads(path.read_text()).get("env", {})
wrong = [f"{name} in {place}" for place, env in places.items() for name, value in off if str(env.get(name)).lower() == value]
config = pathlib.Path.home() / "litellm-gateway" / "config.yaml"
if config.is_file() and re.search(r"^\s*ssl_verify:\s*[\"']?(false|no|off)\b", config.read_text(), re.IGNORECASE | re.MULTILINE):
    wrong.append(f"ssl_verify in {config}")
if wrong:
    sys.exit(f"wrong: certificates are not checked: {', '.join(wrong)}; name your company's authority instead")
print("ok: certificates are checked")
EOF
)

check_saved_login() (
python3 - <<'EOF'
import json, os, pathlib, sys
env, home = dict(os.environ), pathlib.Path.home() / ".claude"
settings = json.loads((home / "settings.json").read_text()) if (home / "settings.json").is_file() else {}
env |= settings.get("env", {})
own = env.get("ANTHROPIC_AUTH_TOKEN") or env.get("ANTHROPIC_API_KEY") or settings.get("apiKeyHelper")
if env.get("ANTHROPIC_BASE_URL") and not own and (home / ".credentials.json").is_file():
    sys.exit("wrong: your saved login is sent to the gateway; set the gateway's key, or log out")
print("ok: the gateway does not get a saved login")
EOF
)

check_personal_key() (
python3 - <<'EOF'
import json, os, pathlib, sys
env, path = dict(os.environ), pathlib.Path.home() / ".claude/settings.json"
settings = json.loads(path.read_text()) if path.is_file() else {}
env |= settings.get("env", {})
gateways = env.get("ANTHROPIC_AUTH_TOKEN") or settings.get("apiKeyHelper")
if env.get("ANTHROPIC_BASE_URL") and gateways and env.get("ANTHROPIC_API_KEY"):
    sys.exit("wrong: your personal ANTHROPIC_API_KEY is sent to the gateway too; unset it")
print("ok: no personal key beside the gateway's")
EOF
)

check_key_to_provider() (
python3 - <<'EOF'
import json, os, pathlib, sys
env, path = dict(os.environ), pathlib.Path.home() / ".claude/settings.json"
if path.is_file():
    env |= json.loads(path.read_text()).get("env", {})
alone = env.get("ANTHROPIC_API_KEY") and not env.get("ANTHROPIC_AUTH_TOKEN")
if env.get("ANTHROPIC_BASE_URL") and alone and not env.get("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"):
    sys.exit("wrong: Claude Code also shows the gateway's key to Anthropic; give it as ANTHROPIC_AUTH_TOKEN")
print("ok: only the gateway gets its key")
EOF
)

check_provider_flag() (
python3 - <<'EOF'
import json, os, pathlib, sys
flags = {
    "ANTHROPIC_BEDROCK_BASE_URL": "CLAUDE_CODE_USE_BEDROCK",
    "ANTHROPIC_VERTEX_BASE_URL": "CLAUDE_CODE_USE_VERTEX",
    "ANTHROPIC_FOUNDRY_BASE_URL": "CLAUDE_CODE_USE_FOUNDRY",
    "ANTHROPIC_AWS_BASE_URL": "CLAUDE_CODE_USE_ANTHROPIC_AWS",
}
env = dict(os.environ)
for path in (pathlib.Path.home() / ".claude/settings.json", pathlib.Path(".claude/settings.json"), pathlib.Path(".claude/settings.local.json")):
    if path.is_file():
        env |= json.loads(path.read_text()).get("env", {})
on = lambda name: str(env.get(name, "")).lower() in ("1", "true", "yes", "on")
ignored = [f"{url} (needs {flag})" for url, flag in flags.items() if env.get(url) and not on(flag)]
if ignored:
    sys.exit(f"wrong: ignored without its flag: {', '.join(ignored)}")
print("ok: no provider's address is ignored")
EOF
)

check_proxy_url() (
python3 - <<'EOF'
import os, sys, urllib.parse
for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"):
    value = os.environ.get(name, "")
    try:
        url = urllib.parse.urlsplit(value)
        broken = value and (url.scheme not in ("http", "https") or not url.hostname or not url.port or url.netloc.count("@") > 1 or url.path.strip("/") or url.fragment)
    except ValueError:
        broken = True
    if broken:
        sys.exit(f"wrong: {name} cannot be parsed, and Claude Code would print it with its password; encode the password")
print("ok: every proxy address can be parsed")
EOF
)

check_hooks() (
python3 - <<'EOF'
import json, pathlib, re, sys
found = []
for path in (pathlib.Path.home() / ".claude/settings.json", pathlib.Path(".claude/settings.json"), pathlib.Path(".claude/settings.local.json")):
    settings = json.loads(path.read_text()) if path.is_file() else {}
    for event, matchers in settings.get("hooks", {}).items():
        text = json.dumps(matchers)
        if re.search(r"https?://|\b(curl|wget|nc|ncat|socat|ssh|scp)\b|/dev/tcp/", text):
            found.append(f"{event} in {path}")
    found += [f"plug-in {name} in {path}" for name, on in settings.get("enabledPlugins", {}).items() if on]
if found:
    sys.exit(f"wrong: these can send your prompts elsewhere: {', '.join(found)}; read what they do")
print("ok: no hook and no plug-in that reaches the network")
EOF
)

check_telemetry() (
python3 - <<'EOF'
import json, os, pathlib, sys
names = ("OTEL_LOG_USER_PROMPTS", "OTEL_LOG_ASSISTANT_RESPONSES", "OTEL_LOG_TOOL_CONTENT", "OTEL_LOG_RAW_API_BODIES")
env = dict(os.environ)
for path in (pathlib.Path.home() / ".claude/settings.json", pathlib.Path(".claude/settings.json"), pathlib.Path(".claude/settings.local.json")):
    if path.is_file():
        env |= json.loads(path.read_text()).get("env", {})
found = [name for name in names if str(env.get(name, "")).lower() not in ("", "0", "false", "no", "off")]
if found:
    sys.exit(f"wrong: telemetry carries prompts or answers: {', '.join(found)}")
print("ok: telemetry carries no prompts")
EOF
)

check_history() (
key='(^|[^A-Za-z0-9_-])sk-[A-Za-z0-9_-]{20,}'
found=$(find ~ -maxdepth 1 \( -name .bash_history -o -name .zsh_history \) -exec grep -alE "$key" {} +)
if [ -z "$found" ]; then
  echo "ok: no key in the shell's history"
else
  echo "wrong: a key stands in" $found "; remove the line and change the key"
  false
fi
)

check_project_settings() (
python3 - <<'EOF'
import json, pathlib, re, sys
names = re.compile(r"ANTHROPIC_\w*URL|ANTHROPIC_CUSTOM_HEADERS|CLAUDE_CODE_(USE|SKIP)_|\w+_PROXY$|NODE_|SSL_CERT_FILE|OTEL_", re.IGNORECASE)
keys = {"apiKeyHelper", "hooks", "statusLine", "awsAuthRefresh", "awsCredentialExport", "gcpAuthRefresh", "otelHeadersHelper"}
found = []
for path in map(pathlib.Path, (".claude/settings.json", ".claude/settings.local.json")):
    settings = json.loads(path.read_text()) if path.is_file() else {}
    found += [f"{path}: {name}" for name in settings if name in keys] + [f"{path}: {name}" for name in settings.get("env", {}) if names.match(name)]
if found:
    sys.exit(f"wrong: this project redirects Claude Code or runs programs: {', '.join(found)}")
print("ok: this project's settings redirect nothing")
EOF
)

check_project_keys() (
key='"(ANTHROPIC_AUTH_TOKEN|ANTHROPIC_API_KEY|ANTHROPIC_FOUNDRY_API_KEY|ANTHROPIC_AWS_API_KEY|AWS_BEARER_TOKEN_BEDROCK|AWS_SECRET_ACCESS_KEY)" *: *"[^"]'
files=$(find . -maxdepth 2 -path './.claude/settings*.json' -exec grep -lE "$key" {} +)
if [ -z "$files" ]; then
  echo "ok: no key in this project's settings"
else
  echo "wrong: a key stands in" $files
  false
fi
)

check_git_keys() (
key='(^|[^A-Za-z0-9_-])sk-[A-Za-z0-9_-]{20,}'
if ! commits=$(git rev-list --all 2>/dev/null); then
  echo "wrong: this folder is no git repository"
  false
elif [ -z "$commits" ]; then
  echo "ok: no commit yet"
elif ! found=$(echo "$commits" | xargs -n 500 sh -c 'git grep -IoE "$0" "$@" --; test $? -le 1' "$key"); then
  echo "wrong: git could not look into every commit"
  false
elif found=$(echo "$found" | grep 'sk-.*[A-Z]' | grep 'sk-.*[0-9]' | cut -d: -f1,2 | sort -u | grep .); then
  echo "wrong: a key stands in (commit:file)" $found
  false
else
  echo "ok: no key in any commit"
fi
)

check_least_privilege() (
python3 - <<'EOF'
import json, pathlib, sys
path = pathlib.Path.home() / "litellm-gateway" / "iam-policy.json"
if not path.is_file():
    sys.exit(f"wrong: no {path}; fetch the policy first")
bindings = json.loads(path.read_text())["bindings"]
held = [b["role"] for b in bindings for member in b["members"] if member.startswith("serviceAccount:litellm-gateway@")]
own = len(held) == 1 and held[0].startswith(("projects/", "organizations/"))
if held != ["roles/aiplatform.user"] and not own:
    sys.exit(f"wrong: the gateway's account holds {', '.join(sorted(held)) or 'no role'}; it needs one role, of your own or roles/aiplatform.user")
print(f"ok: the gateway's account holds {held[0]} only")
EOF
)

check_mfa() (
python3 - <<'EOF'
import csv, pathlib, sys
path = pathlib.Path.home() / "litellm-gateway" / "credential-report.csv"
if not path.is_file():
    sys.exit(f"wrong: no {path}; fetch the report first")
rows = list(csv.DictReader(path.open()))
without = [row["user"] for row in rows if row["mfa_active"] != "true" and (row["password_enabled"] == "true" or row["user"] == "<root_account>")]
if without or not rows:
    sys.exit(f"wrong: can log in without a second factor: {', '.join(without) or 'unknown, the report is empty'}")
print(f"ok: {len(rows)} accounts, and nobody logs in without a second factor")
EOF
)

wanted=" $* " failed=0
check() {
  case "$wanted" in
    "  " | *" $1 "* | *" $2 "*) ;;
    *) return ;;
  esac
  line=$("check_$(echo "$1" | tr - _)" 2>&1) || failed=1
  printf '%-17s %s\n' "$1" "$line"
}
check litellm-release install
check litellm-traces install
check hashes install
check config-keys gateway
check key-files gateway
check master-key gateway
check key-age gateway
check file-modes gateway
check listens gateway
check closed gateway
check pass-through gateway
check client-keys gateway
check response-cache gateway
check debug-log gateway
check log-keys gateway
check audit-log gateway
check refused gateway
check environments accounts
check base-url client
check tls client
check saved-login client
check personal-key client
check key-to-provider client
check provider-flag client
check proxy-url client
check hooks client
check telemetry client
check history client
check project-settings project
check project-keys project
check git-keys project
check least-privilege accounts
check mfa accounts
exit "$failed"
