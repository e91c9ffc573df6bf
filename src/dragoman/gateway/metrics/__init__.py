"""What is counted of requests, for `/metrics`: right over several workers."""
