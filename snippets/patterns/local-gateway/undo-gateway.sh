cd ~
rm -r ~/litellm-gateway
