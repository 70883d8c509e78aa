pinned=$(grep -scE '^litellm(\[[a-z,-]+\])?==[0-9]+\.[0-9]+\.[0-9]+ *\\?$' ~/litellm-gateway/requirements.txt)
hashes=$(grep -scE '^ *--hash=sha256:[0-9a-f]{64} *\\?$' ~/litellm-gateway/requirements.txt)
if [ "${pinned:-0}" -eq 1 ] && [ "${hashes:-0}" -ge 1 ]; then
  echo "ok: LiteLLM is pinned to one release and $hashes hashes"
else
  echo "wrong: requirements.txt must pin LiteLLM with == and --hash=sha256:"
  false
fi
