printf 'Authorization: Bearer %s\n' "$(cat ~/litellm-gateway/master-key)" |
  curl -s -H @- http://127.0.0.1:4000/health |
  python3 -c '
import json, sys
report = json.load(sys.stdin)
print("answer:", report["healthy_count"], "do not:", report["unhealthy_count"])
sys.exit(report["unhealthy_count"] > 0 or report["healthy_count"] == 0)'
