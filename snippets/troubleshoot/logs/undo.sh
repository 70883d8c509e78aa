rm -f ~/claude-debug.txt ~/claude-requests.txt ~/litellm-gateway/debug.log ~/gateway.pcap ~/tcpdump.txt
