"""What can be done with jobs, in no dialect and over no protocol."""
