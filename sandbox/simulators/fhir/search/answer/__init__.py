"""What a search answers: order, pages, includes, parts of resources, and the Bundle."""
