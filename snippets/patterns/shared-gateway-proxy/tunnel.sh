ss -Htnp state established '( dport = :8080 )' | grep '"litellm"'
