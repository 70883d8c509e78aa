echo "22ed57034a9d33c78d405339833ee936c80242f41fd51abce3dfb9cf86a94ef1  gateway_check.py" | sha256sum --check
