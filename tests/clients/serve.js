// A server of better-sse that counts from the id behind which it is asked for, three events a response,
// and has nothing more to say after twelve. Prints its port, and ends with its input.

import { createServer } from "node:http";
import { createSession } from "better-sse";

const server = createServer(async (request, response) => {
  const last = Number(request.headers["last-event-id"] ?? 0);
  if (last >= 12) {
    response.writeHead(204).end();
    return;
  }
  const session = await createSession(request, response, { retry: 300 });
  for (let number = last + 1; number <= last + 3; number++) {
    session.push({ number, text: "ü" }, "count", String(number));
  }
  response.end();
});

server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.on("end", () => process.exit()).resume();
