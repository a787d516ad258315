// expect: passed
// prints: refused
// must not: open a socket
const net = require("net");
const socket = net.connect(80, "127.0.0.1");
socket.on("connect", () => { console.log("connected"); process.exit(0); });
socket.on("error", (e) => {
  const server = net.createServer();
  server.on("error", () => console.log(e.code === "ECONNREFUSED" ? "there is a network" : "refused"));
  server.listen(0, () => { console.log("listening"); process.exit(0); });
});
