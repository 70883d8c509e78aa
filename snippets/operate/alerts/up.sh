timeout 60 sh -c "until curl -s http://127.0.0.1:9090/api/v1/targets | grep -o '\"health\":\"up\"'; do sleep 1; done"
