ANTHROPIC_BASE_URL=http://127.0.0.1:4000/v1 python3 ~/gateway-doctor/gateway_doctor.py --only configuration --only gateway
