python3 - <<'EOF'
import json, os, pathlib, sys
names = ("OTEL_LOG_USER_PROMPTS", "OTEL_LOG_ASSISTANT_RESPONSES", "OTEL_LOG_TOOL_CONTENT", "OTEL_LOG_RAW_API_BODIES")
env = dict(os.environ)
for path in (pathlib.Path.home() / ".claude/settings.json", pathlib.Path(".claude/settings.json"), pathlib.Path(".claude/settings.local.json")):
    if path.is_file():
        env |= json.loads(path.read_text()).get("env", {})
found = [name for name in names if str(env.get(name, "")).lower() not in ("", "0", "false", "no", "off")]
if found:
    sys.exit(f"wrong: telemetry carries prompts or answers: {', '.join(found)}")
print("ok: telemetry carries no prompts")
EOF
