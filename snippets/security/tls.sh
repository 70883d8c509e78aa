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
