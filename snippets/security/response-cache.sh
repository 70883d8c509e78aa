lines=$(grep -sniE '^ *cache: *("?true"?|yes|on) *(#.*)?$' ~/litellm-gateway/config.yaml | cut -d: -f1 | tr '\n' ' ')
if [ -r ~/litellm-gateway/config.yaml ] && [ -z "$lines" ]; then
  echo "ok: the gateway keeps no answers"
else
  echo "wrong: one user gets another's answers, config.yaml line ${lines:-unknown}"
  false
fi
