"""The payer: one case of a prior authorization, whichever way a provider reaches it; members, claims, appeals.

What every door to the payer acts on (portal, X12, FHIR, fax), below the simulators: none of this knows a wire. Every
function takes an interaction; the state is in the collections `portal/…` of the branch, the configuration is that of
the environment's `Payer` simulator (`config.payer_config`).

    cases.py          create, read, update, submit, attach, withdraw, resubmit, possible_calls
    disputes.py       appeal, request_external_review, request_peer_to_peer, choose_slot, speak, cancel_peer_to_peer
    claims.py         get_claim, appeal_claim
    lookup.py         members, providers, formulary, questions, cases, claims, appeals; eligibility, list_status
    validation.py     check_fields, check_complete, requirements
    decisions.py      decide, decide_appeal: what the payer does, for scenario steps
    due.py            what falls due by itself: the actions `portal.determine` and `portal.lapse`
    people.py         find_member, find_dependent, find_provider: whom a request means, or why nobody
    review.py         a services review in the codes of X12's 278, which PAS shares: what is asked, decided, refused
    case_rows.py      find; the row of a case; its timers
    lifecycle.py      the table of `lifecycle.yaml`: states, transitions, what is possible
    config.py         the configuration; models.py, plan_models.py: the rows of `portal.yaml` and `payer.yaml`; seed.py
    attachments.py    files of cases and appeals
    refusals.py       `Refused` (409: the state, and what is possible) and `invalid` (400: fields)

A case: `status` (draft, submitted) says what the provider did, `determination` (approved, denied, pending,
need_more_info) what the payer answered, `state` and `history` where it is in its life cycle; `wanted`,
`authorization`, `denial`, `peer_to_peer` and `appeals` hold what belongs to that.
"""
