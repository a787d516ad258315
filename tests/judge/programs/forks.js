// expect: passed
// prints: refused
// must not: create a process
const { spawnSync, execSync } = require("child_process");
let done = "refused";
for (const path of [process.execPath, "/usr/bin/node", "/bin/sh"]) {
  const child = spawnSync(path, ["-e", "0"]);
  if (!child.error) done = "spawned " + path;
}
try { execSync("true"); done = "ran"; } catch {}
console.log(done);
