"""Our processes: what is bound, the workers, the server, and answers that are relayed on its connections."""
