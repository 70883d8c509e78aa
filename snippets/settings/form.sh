python3 - <<'EOF'
import json, pathlib, re, sys
wrong = []
for path in (pathlib.Path.home() / ".claude/settings.json", pathlib.Path(".claude/settings.json"), pathlib.Path(".claude/settings.local.json")):
    if not path.is_file():
        continue
    try:
        data = json.loads(path.read_text())
        env = data.get("env", {}).items()
    except ValueError as problem:
        wrong.append(f"{path}: {problem}")
        continue
    except AttributeError:
        wrong.append(f"{path}: the file and its env must be in curly brackets")
        continue
    wrong += [f"{path}: {name} belongs inside env" for name in data if re.fullmatch(r"[A-Z][A-Z0-9_]+", name)]
    wrong += [f"{path}: {name} must be text" for name, value in env if isinstance(value, (dict, list, type(None)))]
    wrong += [f"{path}: {name} is not in capitals" for name, value in env if name != name.upper() and not name.endswith("_proxy")]
if wrong:
    sys.exit(f"wrong: {'; '.join(wrong)}")
print("ok: every settings file can be read")
EOF
