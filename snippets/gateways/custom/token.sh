(umask 077; python3 -c 'import secrets; print(secrets.token_hex(32))' > token)
