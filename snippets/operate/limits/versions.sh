python3 - <<'EOF'
import pathlib, subprocess, sys
gateway = str(pathlib.Path.home() / "litellm-gateway" / "venv" / "bin" / "python")
asked = "import sys; from importlib.metadata import version; print(*sys.version_info[:2], version('litellm'))"
def ask(*words):
    return subprocess.run(words, capture_output=True, text=True).stdout.split()
try:
    major, minor, litellm = ask(gateway, "-c", asked)
    claude = ask("claude", "--version")[0]
except (OSError, ValueError, IndexError):
    sys.exit("wrong: Claude Code, or the gateway's LiteLLM, is not installed")
if not (3, 10) <= (int(major), int(minor)) < (3, 15):
    sys.exit(f"wrong: the gateway's Python is {major}.{minor}; LiteLLM asks for 3.10 to 3.14")
print(f"ok: Claude Code {claude}, LiteLLM {litellm} on Python {major}.{minor}")
EOF
