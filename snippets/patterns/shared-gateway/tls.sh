speaks() { openssl s_client "-$1" -cipher ALL:@SECLEVEL=0 -connect gateway.corp.example:443 < /dev/null > /dev/null 2>&1; }
speaks tls1_1 && echo "TLS 1.1: accepted" || echo "TLS 1.1: refused"
speaks tls1_2 && echo "TLS 1.2: accepted" || echo "TLS 1.2: refused"
! speaks tls1_1 && speaks tls1_2
