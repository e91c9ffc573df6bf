"""Whether the gateway's memory grows with the requests that it has answered."""

from bench.contenders import Ground, dragoman
from bench.process import memory_kib

SLICES = 10


def many_requests(ground: Ground, requests: int) -> dict[str, object]:
    """Memory after each tenth of `requests` JSON answers and as many streams' tenth: it must not grow."""
    with ground.passing():
        contender = dragoman(ground)[0]
        kib = [memory_kib(contender.pid)]
        faults: list[str] = []
        for _ in range(SLICES):
            for kind, part in (("json", 0.9), ("stream", 0.1)):
                ask = contender.asks["json" if kind == "json" else "stream"]
                sample = ground.load.run(contender.port, ask, seconds=3600, count=int(requests / SLICES * part))
                faults += [fault] if (fault := sample.fault(ask)) else []
            kib.append(memory_kib(contender.pid))
    print("  MiB before, and after each tenth:", " ".join(f"{each / 1024:.1f}" for each in kib), *faults)
    print(f"  growth from the first tenth to the last: {(kib[-1] - kib[1]) / 1024:+.2f} MiB")
    return {"requests": requests, "kib": kib, "faults": faults}
