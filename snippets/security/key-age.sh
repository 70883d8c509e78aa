old=$(find ~/litellm-gateway/master-key ~/litellm-gateway/service-account.json -mtime +89 2>/dev/null)
if [ -e ~/litellm-gateway/master-key ] && [ -z "$old" ]; then
  echo "ok: no key file is older than 90 days"
else
  echo "wrong: older than 90 days:" ${old:-"unknown, because there is no master-key file"}
  false
fi
