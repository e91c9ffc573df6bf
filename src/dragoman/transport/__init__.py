"""Sockets, with one interface: native, browser, aiohttp, replay."""
