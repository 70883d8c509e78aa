export ANTHROPIC_BASE_URL=http://host.docker.internal:4000
export ANTHROPIC_AUTH_TOKEN
printf 'Master key of the gateway: '; read -rs ANTHROPIC_AUTH_TOKEN
