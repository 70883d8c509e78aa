python3 ~/gateway-check/gateway_check.py --url http://127.0.0.1:4000
