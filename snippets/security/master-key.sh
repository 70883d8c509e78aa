python3 - <<'EOF'
import pathlib, re, sys
path = pathlib.Path.home() / "litellm-gateway" / "master-key"
key = path.read_text().strip() if path.is_file() else ""
if not key.startswith("sk-") or len(key) < 35 or len(set(key)) < 16 or not re.search("[0-9]", key) or not re.search("[A-Z]", key):
    sys.exit("wrong: the master key can be guessed; make one of 32 random bytes")
print(f"ok: the master key has {len(key)} characters")
EOF
