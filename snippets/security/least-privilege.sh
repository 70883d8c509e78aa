python3 - <<'EOF'
import json, pathlib, sys
path = pathlib.Path.home() / "litellm-gateway" / "iam-policy.json"
if not path.is_file():
    sys.exit(f"wrong: no {path}; fetch the policy first")
bindings = json.loads(path.read_text())["bindings"]
held = [b["role"] for b in bindings for member in b["members"] if member.startswith("serviceAccount:litellm-gateway@")]
own = len(held) == 1 and held[0].startswith(("projects/", "organizations/"))
if held != ["roles/aiplatform.user"] and not own:
    sys.exit(f"wrong: the gateway's account holds {', '.join(sorted(held)) or 'no role'}; it needs one role, of your own or roles/aiplatform.user")
print(f"ok: the gateway's account holds {held[0]} only")
EOF
