"""One caller a file. They run where its packages are installed, with the gateway's address in the environment."""
