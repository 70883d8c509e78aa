refused=$(tail -n 1000 ~/litellm-gateway/gateway.log 2>/dev/null | grep -cE 'HTTP/1\.1"[^ ]* [^ ]*(400|401|403|429) ')
if [ -r ~/litellm-gateway/gateway.log ] && [ "$refused" -lt 20 ]; then
  echo "ok: $refused of the last requests were refused"
else
  echo "wrong: ${refused:-unknown} of the last requests were refused; somebody is trying keys, or a client is broken"
  false
fi
