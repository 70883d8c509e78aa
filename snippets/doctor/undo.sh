rm -r ~/gateway-doctor ~/stranger
