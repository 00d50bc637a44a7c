"""Batches and transactions (R4, RESTful API, batch/transaction): entries, their order, the references between them."""
