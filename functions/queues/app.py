from jobyard.handlers import endpoint

handler = endpoint("queues")
