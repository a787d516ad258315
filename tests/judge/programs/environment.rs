// expect: passed
// prints: refused
// must not: find a secret in the compiler's environment
fn main() {
    let found = [option_env!("OPENAI_API_KEY"), option_env!("HF_TOKEN"), option_env!("CODELATHE_HOME")];
    println!("{}", found.iter().find_map(|x| *x).unwrap_or("refused"));
}
