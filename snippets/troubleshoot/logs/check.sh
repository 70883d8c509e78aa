keys() { printenv ANTHROPIC_AUTH_TOKEN ANTHROPIC_API_KEY | grep .; }
keys > /dev/null || echo "this shell has no key to look for"
(cd ~ && grep -lFf <(keys) claude-debug.txt claude-requests.txt litellm-gateway/debug.log gateway.pcap)
