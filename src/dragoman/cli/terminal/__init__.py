"""What a terminal shows: words, Markdown, tables, a sign that something is awaited."""
