// expect: error timeout memory
// must not: hold up the compiler past its limits
#include "/dev/zero"
int main() {}
