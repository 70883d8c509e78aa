cntlm -c ~/cntlm.conf -P ~/cntlm.pid
