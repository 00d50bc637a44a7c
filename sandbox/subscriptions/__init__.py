"""Subscriptions of FHIR R4 (https://hl7.org/fhir/R4/subscription.html): what one is, and how its notifications wait.

The rules, on the branch, for every FHIR surface alike. A surface lends what only it has (`home.py`): where its
resources are, and which of them a search finds. Knows nothing of HTTP or of sockets; `api/subscriptions/` sends.

`rules.py` says what may be asked for, `channel.py` reads where to and how, `lifecycle.py` moves a Subscription from
requested to active, to error and off, `queue.py` holds what is to be delivered and what came of it.
"""
