"""Programs of others as callers of the gateway, with the offline models behind it: `make callers`."""
