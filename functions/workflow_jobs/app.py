from jobyard.handlers import endpoint

handler = endpoint("workflow_jobs")
