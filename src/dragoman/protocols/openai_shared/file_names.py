"""The name of a document that is sent as data: OpenAI refuses one without a name, as if it were told no file at all."""


def file_name(name: str | None, media_type: str | None) -> str:
    """The document's own name, or one that says what it is."""
    return name or ("document.pdf" if media_type == "application/pdf" else "file")
