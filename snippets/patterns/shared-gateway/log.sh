sudo tail -n 1 /var/log/nginx/claude-gateway.log
