"""A payer's portal for prior authorizations."""
