echo "e56fd8fab827b0c90eb12fee2b034eae693590a6347289b215298a393d981589  gateway_doctor.py" | sha256sum --check
