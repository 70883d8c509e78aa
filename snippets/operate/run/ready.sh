until curl -sf http://127.0.0.1:4000/health/readiness; do sleep 1; done
