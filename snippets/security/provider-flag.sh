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
