// expect: left
// must not: end the slot with it
int main() { *(volatile int *)8 = 1; }
