chmod 600 ~/cntlm.conf
printf 'Windows password: '
cntlm -c ~/cntlm.conf -H | grep PassNTLMv2 >> ~/cntlm.conf; echo
