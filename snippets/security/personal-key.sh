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
