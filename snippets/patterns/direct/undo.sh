unset ANTHROPIC_API_KEY
rm -f ~/.anthropic-api-key connects.sh
