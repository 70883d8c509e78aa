lines=$(grep -sniE '^ *(-? *)auth: *("?false"?|no|off)' ~/litellm-gateway/config.yaml | cut -d: -f1 | tr '\n' ' ')
if [ -r ~/litellm-gateway/config.yaml ] && [ -z "$lines" ]; then
  echo "ok: every pass-through endpoint asks for a key"
else
  echo "wrong: a pass-through endpoint without a key, config.yaml line ${lines:-unknown}"
  false
fi
