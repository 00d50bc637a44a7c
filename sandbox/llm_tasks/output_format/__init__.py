"""`output_format`: the documented grammar of what a task answers. Pure; knows nothing of engines."""
