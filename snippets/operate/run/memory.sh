pid=$(systemctl --user show --property MainPID --value litellm-gateway.service)
ps -o rss= -p "$pid" | awk '{printf "resident memory: %d MB\n", $1 / 1024}'
