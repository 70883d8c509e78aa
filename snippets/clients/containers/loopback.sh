curl -sS -m 5 http://127.0.0.1:4000/health/liveliness
