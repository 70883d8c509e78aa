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
