// Interface libraries of npm, each as its own documentation uses it: `node peers.mjs NAME`, told what to do by given.json.
// A sender prints what was acknowledged, `[[MSA-1, MSA-2], …]`; a listener prints each message's control id as it comes.
import { createServer } from "node:net";
import { readFileSync } from "node:fs";

const given = JSON.parse(readFileSync("given.json", "utf8"));
const { host, port, messages } = given;
const inTurn = async (send) => {
  const told = [];
  for (const message of messages) told.push(await send(message));
  console.log(JSON.stringify(told));
};
const came = (controlId) => console.log(JSON.stringify(String(controlId)));
const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
const listening = (at) => console.log(JSON.stringify({ port: at }));

async function nodeHl7Client(name) {
  const { default: Client, Message } = await import(name);
  const waiting = [];
  const client = new Client({ host, version: "2.5" });
  const outbound = client.createConnection({ port }, async (answer) => {
    const ack = answer.getMessage();
    waiting.shift()([ack.get("MSA.1").toString(), ack.get("MSA.2").toString()]);
  });
  await inTurn(async (text) => {
    const answered = new Promise((resolve) => waiting.push(resolve));
    await outbound.sendMessage(new Message({ text }));
    return answered;
  });
  await outbound.close();
  client.closeAll?.();
}

const peers = {
  "node-hl7-client@3": () => nodeHl7Client("node-hl7-client-3"),
  "node-hl7-client@4": () => nodeHl7Client("node-hl7-client"),

  "simple-hl7": async () => {
    const { default: hl7 } = await import("simple-hl7");
    const client = hl7.Server.createTcpClient({ host, port, keepalive: true });
    const parser = new hl7.Parser();
    await inTurn(
      (text) =>
        new Promise((resolve, reject) =>
          client.send(parser.parse(text), (error, ack) => {
            if (error) reject(error);
            else resolve([1, 2].map((place) => ack.getSegment("MSA").getField(place)));
          }),
        ),
    );
    client.close();
  },

  "@medplum/hl7": async () => {
    const { Hl7Client } = await import("@medplum/hl7");
    const { Hl7Message } = await import("@medplum/core");
    const client = new Hl7Client({ host, port, keepAlive: true });
    await inTurn(async (text) => {
      const ack = await client.sendAndWait(Hl7Message.parse(text));
      return [1, 2].map((place) => ack.getSegment("MSA").getField(place).toString());
    });
    await client.close();
  },

  "node-hl7-server": async () => {
    const { Server } = await import("node-hl7-server");
    const at = await freePort();
    const inbound = new Server({ bindAddress: "127.0.0.1" }).createInbound({ port: at }, async (request, response) => {
      came(request.getMessage().get("MSH.10"));
      await response.sendResponse("AA");
    });
    inbound.on("listen", () => listening(at));
  },

  "simple-hl7 listener": async () => {
    const { default: hl7 } = await import("simple-hl7");
    const app = hl7.tcp();
    app.use((request, response, next) => {
      came(request.msg.header.getField(8));
      response.end();
    });
    const at = await freePort();
    app.start(at);
    listening(at);
  },

  "@medplum/hl7 listener": async () => {
    const { Hl7Server } = await import("@medplum/hl7");
    const server = new Hl7Server((connection) =>
      connection.addEventListener("message", ({ message }) => {
        came(message.getSegment("MSH").getField(10));
        connection.send(message.buildAck());
      }),
    );
    const at = await freePort();
    await server.start(at);
    listening(at);
  },
};

await peers[process.argv[2]]();
if (messages) process.exit(0); // some keep their sockets open
