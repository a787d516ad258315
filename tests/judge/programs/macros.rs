// expect: error timeout memory
// must not: hold up the compiler past its limits
#![recursion_limit = "100000"]
macro_rules! grow { ($($x:tt)*) => { grow!($($x)* $($x)*); } }
grow!(a b);
fn main() {}
