"""What goes into a prompt: its placeholders, and files with their text. Knows neither engines nor storage nor HTTP."""
