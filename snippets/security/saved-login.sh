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
