"""Our own HTTP/1.1 server, on asyncio and httptools. Knows no protocol above HTTP and no model."""
