python3 - <<'EOF'
import json, pathlib, sys
path = pathlib.Path.home() / "litellm-gateway" / "iam-policy.json"
if not path.is_file():
    sys.exit(f"wrong: no {path}; fetch the policy first")
bindings = json.loads(path.read_text())["bindings"]
held = {b["role"] for b in bindings for member in b["members"] if member.startswith("serviceAccount:litellm-gateway@")}
if held != {"roles/aiplatform.user"}:
    sys.exit(f"wrong: the gateway's account holds {', '.join(sorted(held)) or 'no role'}; it needs roles/aiplatform.user and nothing else")
print("ok: the gateway's account holds roles/aiplatform.user only")
EOF
