"""Each field of each dialect, and of its events, through each pair: it arrives, or something says that it does not."""
