cd ~/litellm-gateway && test -s master-key &&
  printf 'proxy_set_header Authorization "Bearer %s";\n' "$(cat master-key)" |
    sudo install -m 600 /dev/stdin /etc/nginx/claude-master-key.conf
