"""The benchmarks. Not part of the tests: they print numbers and assert nothing but that every answer was whole."""
