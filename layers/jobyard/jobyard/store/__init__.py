"""Every DynamoDB expression stands in this package, each condition with its name and the race that it closes."""
