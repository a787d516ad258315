// expect: memory error left
// must not: take more than the limit outside of the heap
const all = [];
for (;;) all.push(Buffer.alloc(1 << 26, 1));
