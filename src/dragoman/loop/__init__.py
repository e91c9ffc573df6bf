"""Tools for an event loop: a timer for deadlines, writes that go out together, a watch for the loop's end. No HTTP."""
