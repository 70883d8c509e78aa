python3 ~/gateway-doctor/gateway_doctor.py --report > ~/gateway-doctor/report.txt
