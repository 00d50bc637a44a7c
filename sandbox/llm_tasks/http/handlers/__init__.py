"""HTTP handlers of the task API: wire to call, result to wire. One file per resource."""
