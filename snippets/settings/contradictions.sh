python3 - <<'EOF'
import json, os, pathlib, sys
providers = ["CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_FOUNDRY", "CLAUDE_CODE_USE_ANTHROPIC_AWS", "CLAUDE_CODE_USE_MANTLE", "CLAUDE_CODE_USE_VERTEX"]
env = dict(os.environ)
for path in (pathlib.Path.home() / ".claude/settings.json", pathlib.Path(".claude/settings.json"), pathlib.Path(".claude/settings.local.json")):
    if path.is_file():
        env |= json.loads(path.read_text()).get("env", {})
on = [name for name in providers if str(env.get(name, "")).lower() in ("1", "true", "yes", "on")]
wrong = []
if len(on) > 1:
    wrong.append(f"{on[0]} wins over {' and '.join(on[1:])}")
if on and env.get("ANTHROPIC_BASE_URL"):
    wrong.append(f"{on[0]} is set, so ANTHROPIC_BASE_URL is ignored")
if env.get("ANTHROPIC_AUTH_TOKEN") and env.get("ANTHROPIC_API_KEY"):
    wrong.append("ANTHROPIC_API_KEY is sent too, beside ANTHROPIC_AUTH_TOKEN")
if wrong:
    sys.exit(f"wrong: {'; '.join(wrong)}")
print("ok: nothing contradicts")
EOF
