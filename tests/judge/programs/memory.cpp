// expect: memory
// must not: take more than the limit
#include <cstring>
#include <new>
int main() { for (;;) memset(new char[1 << 24], 1, 1 << 24); }
