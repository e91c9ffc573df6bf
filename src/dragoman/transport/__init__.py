"""Sockets, behind one seam: native, browser, aiohttp, replay."""
