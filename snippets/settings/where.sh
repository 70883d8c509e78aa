python3 - <<'EOF'
import json, os, pathlib
home = pathlib.Path(os.environ.get("CLAUDE_CONFIG_DIR") or pathlib.Path.home() / ".claude")
places = {
    "/etc/claude-code/managed-settings.json": "managed",
    "/Library/Application Support/ClaudeCode/managed-settings.json": "managed",
    ".claude/settings.local.json": "local",
    ".claude/settings.json": "project",
    str(home / "settings.json"): "user",
}
found = []
for path, scope in places.items():
    if pathlib.Path(path).is_file():
        try:
            found.append((scope, json.loads(pathlib.Path(path).read_text()).get("env", {})))
        except ValueError as problem:
            print("broken: ", path, f"({problem})")
addresses = [(scope, env["ANTHROPIC_BASE_URL"]) for scope, env in [*found, ("shell", os.environ)] if "ANTHROPIC_BASE_URL" in env]
for number, (scope, address) in enumerate(addresses or [("nowhere", "the provider itself")]):
    print("ignored:" if number else "used:   ", address.rpartition("@")[2] or "the provider itself", f"({scope})")
EOF
