// expect: memory
// must not: take more than the limit
fn main() {
    let mut all = Vec::new();
    loop { all.push(vec![1u8; 1 << 24]); }
}
