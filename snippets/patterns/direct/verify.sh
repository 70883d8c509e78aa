sh connects.sh api.anthropic.com 443
