/**
 * A process that holds so many slow connections open: `node bench/slow-sockets.ts <port> <count> <token>`. One half never ends its
 * headers, the other never its body; each sends a byte a second and comes back when the service lets it go. Says `open` once all are.
 */
import { connect, type Socket } from "node:net";

const [port = "", count = "", token = ""] = process.argv.slice(2);
const wanted = Number(count);
const open = new Set<Socket>();
let said = false;

const unendingHeaders = "GET /healthz HTTP/1.1\r\nHost: slow\r\nX-Slow: ";
const unendingBody = `PUT /v1/tenants/slow HTTP/1.1\r\nHost: slow\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{`;

function hold(begin: string): void {
  const socket = connect(Number(port), "127.0.0.1", () => {
    open.add(socket);
    socket.write(begin);
    if (open.size >= wanted && !said) {
      said = true;
      console.log("open");
    }
  });
  socket.resume();
  socket.on("error", () => {});
  socket.once("close", () => {
    open.delete(socket);
    setTimeout(hold, 100, begin);
  });
}

for (let n = 0; n < wanted; n++) setTimeout(hold, n, n % 2 === 0 ? unendingHeaders : unendingBody);
setInterval(() => {
  for (const socket of open) if (socket.writable) socket.write(" ");
}, 1_000);
process.once("disconnect", () => process.exit());
