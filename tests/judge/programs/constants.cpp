// expect: error timeout memory
// must not: hold up the compiler past its limits
constexpr unsigned long spin(unsigned long n) {
    unsigned long x = 0;
    for (unsigned long i = 0; i < n; i++) x += i ^ x;
    return x;
}
constexpr unsigned long a = spin(30000000), b = spin(30000001), c = spin(30000002);
template <unsigned long N> struct S { static constexpr unsigned long v = spin(30000000 + N) + S<N - 1>::v; };
template <> struct S<0> { static constexpr unsigned long v = 0; };
int main() { return int(a + b + c + S<800>::v); }
