// expect: timeout
// seconds: 1
// must not: run on
for (;;);
