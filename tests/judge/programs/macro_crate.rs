// expect: error output left
// must not: run code while it is compiled
#![crate_type = "proc-macro"]
extern crate proc_macro;
#[proc_macro]
pub fn evil(_: proc_macro::TokenStream) -> proc_macro::TokenStream { loop {} }
