"""Prior authorization over FHIR: another door to the payer's cases, in the shapes of Da Vinci PAS 2.0.1 and DTR.

    routes.py         the wire: what is served below `portal/fhir`, and its errors
    smart.py          the tokens of this API, and what their scopes allow
    metadata.py       the CapabilityStatement
    sent.py           a Bundle that was sent: what is right in it, and what its references mean
    reading.py        a Claim as the services that it asks for
    parties.py        whom it names; evidence.py what it brings along
    responses.py      a QuestionnaireResponse as clinical answers
    submit.py         Claim/$submit: open, revise, cancel cases; refusing.py why not
    inquire.py        Claim/$inquire
    records.py        Claims that were taken, and the cases of their items
    writing.py        cases as a ClaimResponse and its Bundle; wanting.py what the payer waits for
    attaching.py      $submit-attachment
    questionnaires.py clinical questions as a Questionnaire; package.py Questionnaire/$questionnaire-package
    subscribing.py    Subscriptions to what was answered
    reads.py          reads and searches of what was answered
    terms.py          names: URLs of extensions and code systems, paths

What becomes of a case is the payer's business (`sandbox/payer`); nothing here decides anything.
"""
