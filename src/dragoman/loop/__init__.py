"""Tools for an event loop: alarms, timers for deadlines, writes that go out together, a watch for its end. No HTTP."""
