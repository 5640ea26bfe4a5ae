"""The workflow ``erase``: deletes all that S3 holds under a user's prefix."""

from erasing.work import erase

from jobyard import runner

handler = runner.job(erase)
