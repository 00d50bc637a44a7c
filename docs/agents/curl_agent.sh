#!/usr/bin/env bash
# A shell agent: the model writes commands, this file runs them. It needs curl and jq, as the model's commands do.
set -euo pipefail

steps_max=40
chars_shown=20000
prompt='You work in the systems of a clinic, with a shell that has curl and jq. Each system has its URL in a variable,
named as the task shows, and needs no token; FHIR_URL is FHIR R4. When the work is done, reply with the answer that the
task wants, as JSON and nothing else, or with one sentence.'
tools='[{"type": "function", "function": {"name": "shell", "description": "Run a command and see what it prints.",
  "parameters": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}}}]'

talk=$(mktemp -d)
trap 'rm -rf "$talk"' EXIT

# Add a message, given as JSON on standard input, to the conversation.
say() { cat >>"$talk/messages"; }

ask() {
    jq -s --arg model "$MODEL" --argjson tools "$tools" '{model: $model, messages: ., tools: $tools}' "$talk/messages" |
        curl -sS --fail-with-body "$OPENAI_BASE_URL/chat/completions" -H "Authorization: Bearer ${OPENAI_API_KEY:-}" \
            -H 'Content-Type: application/json' --data-binary @- | jq '.choices[0].message'
}

# The command sees the task's variables and neither the model's key nor the run's token.
run() {
    env -u OPENAI_API_KEY -u RUN_TOKEN bash -c "$1" 2>&1 </dev/null | head -c "$chars_shown" || true
}

jq -n --arg text "$prompt" '{role: "system", content: $text}' | say
jq '{task: .task_item, variables: (.urls | keys | map(ascii_upcase + "_URL"))} | {role: "user", content: tojson}' | say

for _ in $(seq "$steps_max"); do
    message=$(ask)
    say <<<"$message"
    calls=$(jq -c '.tool_calls // [] | .[]' <<<"$message")
    if [ -z "$calls" ]; then
        jq -r '.content' <<<"$message"
        exit
    fi
    while read -r call; do
        printed=$(run "$(jq -r '.function.arguments | fromjson | .command' <<<"$call")")
        jq -n --arg id "$(jq -r .id <<<"$call")" --arg text "$printed" \
            '{role: "tool", tool_call_id: $id, content: $text}' | say
    done <<<"$calls"
done
echo "The model was not done after $steps_max steps." >&2
exit 1
