// expect: error
// must not: give a message without bound
#define A x y z; undefined_name(1); static_assert(false, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
#define B A A A A A A A A A A
#define C B B B B B B B B B B
#define D C C C C C C C C C C
int main() { D D D }
