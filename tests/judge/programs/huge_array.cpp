// expect: error output memory
// must not: fill the disk with a program of a gigabyte
int a[1 << 28] = {1};
int main() { return a[5]; }
