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
