"""Each field of each dialect, put through each pair: it arrives, or something says that it does not."""
