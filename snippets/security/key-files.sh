files=$(find ~/litellm-gateway -maxdepth 2 \( -name '.env*' -o -name '*.env' -o -name 'service-account*.json' \) 2>&1)
if [ -z "$files" ]; then
  echo "ok: the provider's key lies in no file of the gateway"
else
  echo "wrong: keep the provider's key in a secret manager, not in" $files
  false
fi
