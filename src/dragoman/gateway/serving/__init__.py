"""Our processes: listening sockets, workers, the server, and answers that are relayed on its connections."""
