"""Subscriptions on the network: whose notifications are due, and the requests that they are."""
