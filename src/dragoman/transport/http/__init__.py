"""What every transport needs of HTTP: targets, content codings, proxies. Opens no connection."""
