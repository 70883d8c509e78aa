timeout 60 sh -c "until promtool query instant http://127.0.0.1:9090 'up{job=\"claude-gateway\"}' | grep '=> 1'; do sleep 1; done"
