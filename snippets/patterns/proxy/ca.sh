export NODE_EXTRA_CA_CERTS=~/corporate-ca.pem
