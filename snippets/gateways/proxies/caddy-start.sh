export GATEWAY_TOKEN="$(cat ~/own-gateway/token)"
caddy run --config ~/own-gateway/Caddyfile
