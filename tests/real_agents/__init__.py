"""Real coding agents doing one job through the gateway, with each protocol behind it: `make agents`."""
