"""An MCP server with one tool, `copy`, which copies a file. Speaks JSON-RPC, a message a line, over stdin and stdout.

https://modelcontextprotocol.io/specification/2025-06-18
"""

import json
import shutil
import sys
from typing import Any

COPY = {
    "name": "copy",
    "description": "Copies a file.",
    "inputSchema": {
        "type": "object",
        "properties": {"source": {"type": "string"}, "target": {"type": "string"}},
        "required": ["source", "target"],
    },
}


def answered(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """The result of a request."""
    match method:
        case "initialize":
            about = {"name": "files", "version": "1"}
            version = params["protocolVersion"]
            return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
        case "tools/list":
            return {"tools": [COPY]}
        case "tools/call":
            given = params["arguments"]
            shutil.copyfile(given["source"], given["target"])
            return {"content": [{"type": "text", "text": "copied"}]}
        case _:
            return {}


def main() -> None:
    """Answers requests until there are no more."""
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:
            result = answered(message["method"], message.get("params") or {})
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)


if __name__ == "__main__":
    main()
