// expect: passed
// prints: refused
// must not: read a file of the machine
const fs = require("fs");
const seen = ["/etc/passwd", "/proc/self/environ", "/root", "/home", "/etc", "/tmp"].filter((p) => {
  try { fs.statSync(p); return true; } catch { return false; }
});
const named = Object.keys(process.env).filter((k) => /KEY|TOKEN/.test(k));
console.log([...seen, ...named].join() || "refused");
