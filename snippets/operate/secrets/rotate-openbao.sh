put_key
