kill "$(cat ~/cntlm.pid)"
rm -f ~/cntlm.conf ~/cntlm.pid
