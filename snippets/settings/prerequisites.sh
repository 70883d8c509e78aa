missing=$(for program in claude curl git python3; do command -v "$program" > /dev/null || printf ' %s' "$program"; done)
python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2> /dev/null || missing="$missing python3.10-with-venv"
if [ -z "$missing" ]; then
  echo "ok: everything is there"
else
  echo "wrong: missing:$missing"
  false
fi
