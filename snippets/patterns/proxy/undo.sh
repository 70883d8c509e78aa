unset HTTPS_PROXY NO_PROXY NODE_EXTRA_CA_CERTS ANTHROPIC_API_KEY
rm -f ~/.anthropic-api-key connects.sh
