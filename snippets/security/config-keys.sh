python3 - <<'EOF'
import pathlib, re, sys
path = pathlib.Path.home() / "litellm-gateway" / "config.yaml"
if not path.is_file():
    sys.exit(f"wrong: no {path}")
name = re.compile(r"^[\s-]*\w*(api_key|master_key|secret|password|token)\w*:\s*[\"']?(?!os\.environ/)[^\s\"'#]", re.IGNORECASE)
shape = re.compile(r"(?<![\w-])sk-[\w-]{16,}")
wrong = [number for number, line in enumerate(path.read_text().splitlines(), 1) if shape.search(line) or name.search(line) and "tokens" not in line]
if wrong:
    sys.exit(f"wrong: config.yaml holds a key in line {', '.join(map(str, wrong))}; write os.environ/ and a variable's name")
print("ok: config.yaml names variables and holds no key")
EOF
