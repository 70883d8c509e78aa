lines=$(grep -scE 'LiteLLM[A-Za-z ]*:DEBUG|"level": "DEBUG"' ~/litellm-gateway/gateway.log)
if [ "$lines" = 0 ]; then
  echo "ok: the log holds no debug lines, and so no prompts"
else
  echo "wrong: ${lines:-unknown} debug lines, which hold prompts; start without --detailed_debug and LITELLM_LOG, and remove the log"
  false
fi
