bao server -dev
