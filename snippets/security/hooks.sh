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
