ss -tn state established '( dport = :3128 )'
