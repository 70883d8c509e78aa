curl -s http://127.0.0.1:4000/v1/models \
  -H "Authorization: Bearer $(cat ~/litellm-gateway/master-key)" | python3 -m json.tool | grep '"id"'
