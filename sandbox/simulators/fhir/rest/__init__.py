"""The RESTful interactions (R4, RESTful API): a call, where it is dispatched to, what it answers.

`calls` and `address` are what a call is, `negotiation` and `projection` its forms; `crud`, `conditional`, `search`,
`history` and `binary` carry out; `outcome` is how it is refused. Knows neither Bundles nor operations: they are
above it, in the table of what is served.
"""
