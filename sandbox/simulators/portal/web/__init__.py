"""The payer's portal in a browser: pages of HTML below `portal/web/`, over the same cases as the REST.

No rule of a payer's stands here, and no state: a step of a form is a change of the draft that the payer holds, and what
is between two pages is in the address. Nothing needs a script.
"""
