key='"(ANTHROPIC_AUTH_TOKEN|ANTHROPIC_API_KEY|ANTHROPIC_FOUNDRY_API_KEY|ANTHROPIC_AWS_API_KEY|AWS_BEARER_TOKEN_BEDROCK|AWS_SECRET_ACCESS_KEY)" *: *"[^"]'
files=$(find . -maxdepth 2 -path './.claude/settings*.json' -exec grep -lE "$key" {} +)
if [ -z "$files" ]; then
  echo "ok: no key in this project's settings"
else
  echo "wrong: a key stands in" $files
  false
fi
