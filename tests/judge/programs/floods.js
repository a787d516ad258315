// expect: output error
// must not: take more than the limit
for (;;) console.log("x".repeat(10000));
