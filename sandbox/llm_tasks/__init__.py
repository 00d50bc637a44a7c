"""LLM tasks: typed input in, structured output out, over the Rightbrain-compatible API, offline."""
