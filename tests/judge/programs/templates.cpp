// expect: error timeout memory
// must not: hold up the compiler past its limits
template <int N, class A, class B> struct T {
    using type = typename T<N - 1, T<N, A, B>, T<N - 1, B, A>>::type;
    using other = typename T<N - 1, T<N - 1, B, A>, T<N, A, B>>::type;
};
template <class A, class B> struct T<0, A, B> { using type = A; };
int main() { return sizeof(T<40, int, char>::type); }
