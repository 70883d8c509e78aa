echo "38c210bf10592113e94f2eae83e771607ef3f62df6c14137408b2f2cef0301e6  gateway_doctor.py" | sha256sum --check
