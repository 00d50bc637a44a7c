// Drives the published client, unmodified: argv = base URL, organization, project, token, picture, document.
import { readFile } from "node:fs/promises"
import { BrainClient, BrainClientError } from "@rightbrain/sdk"

const [baseUrl, organizationId, projectId, accessToken, picture, document] = process.argv.slice(2)
const client = new BrainClient({ accessToken, baseUrl, organizationId, projectId })

const models = await client.listModels()
const modelId = await client.getModelIdByName("sandbox EXTRACT")
const base = {
  description: "From the SDK",
  system_prompt: "You read referrals.",
  llm_model_id: modelId,
  output_format: { patient: "string", pages: "integer", urgent: "boolean" },
  enabled: true,
}
const task = await client.createTask({
  ...base, name: "SDK text", user_prompt: "Read {document}", image_required: false,
})
const plain = await client.runTask(task.id, { document: "Patient: Ana Reyes\nPages: 2\nThis is urgent." })
const pictured = await client.createTask({ ...base, name: "SDK picture", user_prompt: "Read {document}", image_required: true })
const image = new File([await readFile(picture)], "card.png", { type: "image/png" })
const withPicture = await client.runTask(pictured.id, { document: "Patient: Bo" }, image)
const pdf = new File([await readFile(document)], "letter é.pdf", { type: "application/pdf" })
const withDocument = await client.runTask(task.id, { document: "see the file" }, pdf)

const failures = []
for (const attempt of [
  () => client.runTask(task.id, {}),
  () => client.runTask("00000000-0000-4000-8000-00000000dead", {}),
  () => client.runTask(pictured.id, { document: "no picture" }),
  () => client.createTask({ ...base, name: "SDK text", user_prompt: "x", image_required: false }),
  () => new BrainClient({ accessToken: "wrong", baseUrl, organizationId, projectId }).listModels(),
]) {
  try {
    await attempt()
    failures.push(null)
  } catch (error) {
    failures.push({ isClientError: error instanceof BrainClientError, status: error.statusCode, body: error.response ?? null })
  }
}
console.log(JSON.stringify({ models, modelId, task, plain, withPicture, withDocument, failures }))
