python3 - <<'EOF'
import csv, pathlib, sys
path = pathlib.Path.home() / "litellm-gateway" / "credential-report.csv"
if not path.is_file():
    sys.exit(f"wrong: no {path}; fetch the report first")
rows = list(csv.DictReader(path.open()))
without = [row["user"] for row in rows if row["mfa_active"] != "true" and (row["password_enabled"] == "true" or row["user"] == "<root_account>")]
if without or not rows:
    sys.exit(f"wrong: can log in without a second factor: {', '.join(without) or 'unknown, the report is empty'}")
print(f"ok: {len(rows)} accounts, and nobody logs in without a second factor")
EOF
