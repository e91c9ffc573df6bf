"""Programs that `dragoman run` starts: one file an agent, and what all of them share."""
