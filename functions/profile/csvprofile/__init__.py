"""A profile of the columns of a CSV file, in one pass and in constant memory."""
