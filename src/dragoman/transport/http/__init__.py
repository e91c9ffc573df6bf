"""HTTP that every transport needs: targets, content codings, proxies. Opens no connection."""
