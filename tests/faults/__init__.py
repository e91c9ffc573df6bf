"""What can go wrong between a caller, the gateway and a service, cell by cell, and what must then be seen.

A cell is a fault in a phase, for a service of a dialect, a stream or a whole answer, with another target or without,
relayed, translated or by the library, over TLS or not. All cells come from tables:

    wire      a service that is played by a script over a real socket, and a proxy that plays one on what passes
    dialects  what the five dialects say, as services write it and as callers read it
    faults    the table: what goes wrong, in which phases, and what must come of it; with its rows in
              `statuses`, in `ways` (names and proxies) and in `h2_faults`
    proxies   proxies that open a tunnel, or play a script instead
    tls       how services speak TLS: their records, what comes between them, how they end
    h2        a service that speaks HTTP/2
    cells     the table times all the rest; which cells are none, and why; the sample
    ground    the gateway, and the nine asserts that each cell makes
    callers   the same for what callers do
    situations  sixteen failures on five fronts, as one table that people read

`make test` runs a sample, whose seed is printed; `make faults` runs all.
"""
