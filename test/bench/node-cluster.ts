// What serving in several processes costs Node alone: its own server in a cluster, which answers `{}`.

import cluster from "node:cluster";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const workers = Number(process.argv[2]);

if (cluster.isPrimary) {
  let ready = 0;
  for (let i = 0; i < workers; i++)
    cluster.fork().on("message", ({ port }: { readonly port: number }) => {
      if (++ready === workers) process.stdout.write(`listening on http://127.0.0.1:${port}\n`);
    });
} else {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "2" });
    response.end("{}");
  });
  server.listen(0, "127.0.0.1", () => process.send!({ port: (server.address() as AddressInfo).port }));
}
