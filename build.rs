//! Tells the linker how to make the program that one installs small; all else is linked as ever.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|own| own == value);
    if !is("PROFILE", "release") || !is("TARGET", "x86_64-unknown-linux-gnu") || chosen_linker() {
        return;
    }
    // Rust brings LLD along for this target. It folds functions of the same machine code: no code here
    // tells functions apart by their addresses.
    println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
    if c_library_unpacks() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Tells whether the user links with something of their own choice, which may know other words.
fn chosen_linker() -> bool {
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    env::var_os("RUSTC_LINKER").is_some() || ["link", "ld="].iter().any(|word| flags.contains(word))
}

/// Tells whether the C library reads packed relocations: glibc does from 2.36 on. A program that is
/// built with an older one is left as it was, so that it starts where it was built.
fn c_library_unpacks() -> bool {
    let Ok(said) = Command::new("getconf").arg("GNU_LIBC_VERSION").output() else { return false };
    let said = String::from_utf8_lossy(&said.stdout);
    let mut parts = said.trim().trim_start_matches("glibc ").split('.').map(str::parse::<u32>);
    matches!((parts.next(), parts.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= (2, 36))
}
