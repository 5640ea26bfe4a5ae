from jobyard.handlers import endpoint

handler = endpoint("change_job")
