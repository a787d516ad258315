"""Sources of the crates that stand in for those HumanEvalPack's Rust programs name.

`RAND` has what its tests call of rand 0.4: `random`, `thread_rng`, `gen` and `gen_range` with
two bounds. Its numbers (Marsaglia's xorshift64*) are the same in every run, so that a verdict
repeats: one test draws polynomials that its own canonical solution solves in only 4 of 10
draws of them. `MD5` is RFC 1321's digest with md5's interface.
"""

from __future__ import annotations

RAND = """
use std::cell::Cell;

thread_local! { static STATE: Cell<u64> = Cell::new(0x9E3779B97F4A7C15); }

fn next() -> u64 {
    STATE.with(|state| {
        let mut x = state.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.set(x);
        x.wrapping_mul(0x2545F4914F6CDD1D)
    })
}

pub trait Rand: Sized { fn rand(word: u64) -> Self; }
pub trait Between: Sized { fn between(word: u64, low: Self, high: Self) -> Self; }

macro_rules! integers { ($($kind:ty)*) => { $(
    impl Rand for $kind { fn rand(word: u64) -> Self { (word >> 8) as $kind } }
    impl Between for $kind {
        fn between(word: u64, low: Self, high: Self) -> Self {
            assert!(low < high, "gen_range called with low >= high");
            let span = (high as i128 - low as i128) as u128;
            (low as i128 + (word as u128 % span) as i128) as $kind
        }
    }
)* } }
integers! { i8 i16 i32 i64 isize u8 u16 u32 u64 usize }

macro_rules! floats { ($($kind:ty)*) => { $(
    impl Rand for $kind {
        fn rand(word: u64) -> Self { (word >> 40) as $kind / (1u64 << 24) as $kind }
    }
    impl Between for $kind {
        fn between(word: u64, low: Self, high: Self) -> Self {
            low + (high - low) * <$kind as Rand>::rand(word)
        }
    }
)* } }
floats! { f32 f64 }

impl Rand for bool { fn rand(word: u64) -> Self { word >> 63 == 1 } }

pub trait Rng {
    fn gen<T: Rand>(&mut self) -> T { T::rand(next()) }
    fn gen_range<T: Between>(&mut self, low: T, high: T) -> T { T::between(next(), low, high) }
}

pub struct ThreadRng;
impl Rng for ThreadRng {}
pub fn thread_rng() -> ThreadRng { ThreadRng }
pub fn random<T: Rand>() -> T { T::rand(next()) }
"""

MD5 = """
use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Digest(pub [u8; 16]);

impl fmt::LowerHex for Digest {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for byte in &self.0 { write!(f, "{:02x}", byte)?; }
        Ok(())
    }
}

impl fmt::UpperHex for Digest {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for byte in &self.0 { write!(f, "{:02X}", byte)?; }
        Ok(())
    }
}

const TURNS: [[u32; 4]; 4] =
    [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

pub fn compute<T: AsRef<[u8]>>(data: T) -> Digest {
    let data = data.as_ref();
    let mut message = data.to_vec();
    message.push(0x80);
    while message.len() % 64 != 56 { message.push(0); }
    message.extend_from_slice(&(data.len() as u64).wrapping_mul(8).to_le_bytes());
    let table: Vec<u32> =
        (1..=64).map(|i| ((i as f64).sin().abs() * 4294967296.0) as u32).collect();
    let mut state: [u32; 4] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
    for block in message.chunks(64) {
        let words: Vec<u32> = block.chunks(4)
            .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        let [mut a, mut b, mut c, mut d] = state;
        for i in 0..64 {
            let (mix, word) = match i / 16 {
                0 => ((b & c) | (!b & d), i),
                1 => ((d & b) | (!d & c), (5 * i + 1) % 16),
                2 => (b ^ c ^ d, (3 * i + 5) % 16),
                _ => (c ^ (b | !d), (7 * i) % 16),
            };
            let sum = a.wrapping_add(mix).wrapping_add(table[i]).wrapping_add(words[word]);
            a = d;
            d = c;
            c = b;
            b = b.wrapping_add(sum.rotate_left(TURNS[i / 16][i % 4]));
        }
        for (whole, part) in state.iter_mut().zip([a, b, c, d]) {
            *whole = whole.wrapping_add(part);
        }
    }
    let mut digest = [0; 16];
    for (i, word) in state.iter().enumerate() {
        digest[4 * i..4 * i + 4].copy_from_slice(&word.to_le_bytes());
    }
    Digest(digest)
}
"""

NO_REGEX = "pub struct Regex;\n"
