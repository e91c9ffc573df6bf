"""What is fuzzed: one file a part of the library. A target is fed any bytes, and raises if they are read wrongly."""
