key='(^|[^A-Za-z0-9_-])sk-[A-Za-z0-9_-]{20,}'
found=$(grep -rlE "$key" ~/litellm-gateway/gateway.log ~/.claude/debug 2>/dev/null)
if [ -r ~/litellm-gateway/gateway.log ] && [ -z "$found" ]; then
  echo "ok: no key in the logs"
else
  echo "wrong: a key stands in" ${found:-"no log, because there is none"}
  false
fi
