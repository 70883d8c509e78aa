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
