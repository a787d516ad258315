// expect: error
// must not: hold up the compiler past its limits
#include "main.cpp"
#include "main.cpp"
int main() {}
