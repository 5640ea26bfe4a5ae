"""The workflow ``profile``: reads a CSV file from S3 and tells of each column what is in it."""

from csvprofile.work import profile

from jobyard import runner

handler = runner.job(profile)
