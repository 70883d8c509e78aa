printf 'Authorization: Bearer %s\n' "$(cat ~/litellm-gateway/master-key)" |
  curl -s -H @- http://127.0.0.1:4000/v1/models | python3 -m json.tool | grep '"id"'
