"""A job over many objects of S3: which ones, how far it is, and what came of it."""
