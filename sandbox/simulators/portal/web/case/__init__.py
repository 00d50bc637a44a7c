"""Pages of a case once it exists, for every skin: what it is, what may be done with it, its questions and files."""
