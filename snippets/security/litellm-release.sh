python3 - <<'EOF'
import pathlib, re, sys
bad, oldest = ["1.82.7", "1.82.8", "1.107.0"], (1, 104, 0)
venv = pathlib.Path.home() / "litellm-gateway" / "venv"
found = sorted(path.name for path in venv.glob("lib/python3*/site-packages/litellm-*.dist-info"))
if len(found) != 1:
    sys.exit(f"wrong: {len(found)} releases of LiteLLM in {venv}; there must be one")
version = found[0].removeprefix("litellm-").removesuffix(".dist-info")
if version in bad:
    sys.exit(f"wrong: LiteLLM {version} is a known bad release; do not start Python there, remove it, change every key")
if tuple(int(part) for part in re.findall(r"\d+", version)[:3]) < oldest:
    sys.exit(f"wrong: LiteLLM {version} has known holes; install a newer release")
print(f"ok: LiteLLM {version}")
EOF
