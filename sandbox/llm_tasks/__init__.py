"""LLM tasks: typed input in, structured output out, over the Rightbrain-compatible API, offline.

The rooms, from the ground up; a higher one may import a lower one, never the reverse:

    errors, server_links              what can go wrong; what is asked of the rest of the server
    inputs, output_format             what goes into a prompt; what must come out
    engines, input_processors         what answers; what prepares an input
    tasks                             what is stored, and how it changes
    run, access                       what one run does; who may
    http                              the wire
    routes, checks                    where the server takes hold: its routes, and the check `llm-task`
"""
