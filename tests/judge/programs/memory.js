// expect: memory
// must not: take more than the limit
const all = [];
for (;;) all.push(new Array(100000).fill(all.length));
