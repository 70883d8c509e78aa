python3 ~/gateway-doctor/gateway_doctor.py --probe --only gateway
