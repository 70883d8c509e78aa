sudo -v
sudo tcpdump -i lo -U --immediate-mode -w ~/gateway.pcap tcp port 4000 2> ~/tcpdump.txt &
timeout 10 sh -c 'until grep -q listening ~/tcpdump.txt; do sleep 0.1; done' || echo "tcpdump does not listen; the counts say nothing"
claude -p "Reply with one word: captured"
sudo kill $!; wait $!
echo "lines with the prompt: $(grep -ac captured ~/gateway.pcap)"
echo "lines with the gateway's key: $(grep -acFf <(printenv ANTHROPIC_AUTH_TOKEN) ~/gateway.pcap)"
