python3 - <<'EOF'
import pathlib, re, sys
text = (pathlib.Path.home() / "litellm-gateway" / "config.yaml").read_text()
names = [name.strip("\"'") for name in re.findall(r"^[\s-]*model_name:\s*(.*?)\s*$", text, re.MULTILINE)]
aliases = {"default", "best", "opus", "sonnet", "haiku", "fable", "opusplan"}
wrong = [name for name in names if name in aliases or name.endswith("[1m]") or any(ord(letter) > 255 for letter in name)]
if not names:
    sys.exit("wrong: no model; the gateway would start and refuse every request")
if wrong:
    sys.exit(f"wrong: Claude Code cannot use these names: {', '.join(wrong)}")
print(f"ok: {len(set(names))} names")
EOF
