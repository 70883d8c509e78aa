ANTHROPIC_AUTH_TOKEN=sk-not-the-master-key python3 ~/gateway-doctor/gateway_doctor.py --json |
  python3 -c 'import json, sys; [print(found["severity"], found["id"]) for found in json.load(sys.stdin)["findings"]]'
