rm -r ~/gateway-check
