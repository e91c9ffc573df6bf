"""What streams of every dialect share: taps, decoders and encoders of events, and the lane. Knows no dialect."""
