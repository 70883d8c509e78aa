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
