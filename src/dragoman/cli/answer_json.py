"""An answer as one JSON object for programs. Knows no terminal."""

from typing import Any

from msgspec.structs import asdict

from dragoman.cli.conversation.record import Record
from dragoman.errors import DragomanError
from dragoman.protocols.openai_chat import encode_messages
from dragoman.types import Message, names


def answer_object(record: Record, model: str, error: DragomanError | None, conversation: int | None) -> dict[str, Any]:
    """The answer; if it broke off, what came, without a finish reason. `conversation`: the number under which it is
    kept."""
    whole, answer = record.whole, record.response()
    return {
        "text": answer.text,
        "model": answer.model or model,
        "id": answer.id,
        "finish_reason": answer.finish_reason if whole else None,
        "native_finish_reason": answer.native_finish_reason,
        "usage": asdict(answer.usage) if answer.usage else None,
        "reasoning": answer.reasoning or None,
        "refusal": answer.refusal or None,
        "tool_calls": [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in answer.tool_calls],
        "parts": answer.parts,
        "messages": encode_messages(_run(record)),
        "losses": names(answer.losses),
        "conversation": conversation,
        "error": _error(error) if error else None,
    }


def _run(record: Record) -> list[Message]:
    """What a run has added to the conversation, with as much of its last answer as came; nothing without a run."""
    begun = record.response().message
    return [*record.run, begun] if record.run and not record.whole and begun.parts else [*record.run]


def _error(error: DragomanError) -> dict[str, Any]:
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "code": error.code,
        "status": error.status,
        "retryable": error.retryable,
        "retry_after": error.retry_after,
        "param": error.param,
        "provider": error.provider,
    }
