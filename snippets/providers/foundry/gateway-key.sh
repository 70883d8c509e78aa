export UPSTREAM_FOUNDRY_API_KEY
printf 'Foundry API key: '; read -rs UPSTREAM_FOUNDRY_API_KEY
