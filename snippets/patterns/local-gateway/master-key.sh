(umask 077; python3 -c 'import secrets; print("sk-" + secrets.token_urlsafe(32))' > master-key)
