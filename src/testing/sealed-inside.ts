// Runs inside a network namespace of its own: brings up loopback, offers the endpoint's port there through a
// unix socket that leads outside, and runs one program. `unshare -n node sealed-inside.ts <job as JSON>`
import { execFileSync, spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import * as z from "zod";

const job = z
  .object({
    port: z.int(),
    socket: z.string(),
    command: z.array(z.string()).min(1),
    env: z.record(z.string(), z.string()),
    cwd: z.string(),
  })
  .parse(JSON.parse(process.argv[2] ?? ""));

execFileSync("ip", ["link", "set", "lo", "up"]);
const relay = createServer((client) => {
  const engine = connect(job.socket);
  client.pipe(engine).pipe(client);
  client.on("error", () => engine.destroy());
  engine.on("error", () => client.destroy());
});
relay.listen(job.port, "127.0.0.1", () => {
  const [file, ...args] = job.command;
  const child = spawn(file ?? "", args, { env: job.env, cwd: job.cwd, stdio: "inherit" });
  child.on("error", (error) => {
    console.error(error);
    process.exit(127);
  });
  child.on("exit", (code) => process.exit(code ?? 1));
});
