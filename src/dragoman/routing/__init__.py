"""Which target is asked, when and how often: plans, and the policies that make them. Knows no protocol."""
