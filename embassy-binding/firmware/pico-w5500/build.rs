//! Links for the chip that the features name.

use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), std::io::Error> {
    println!("cargo::rerun-if-changed=rp2040.x");
    println!("cargo::rerun-if-changed=rp2350.x");
    let is_rp2040 = env::var_os("CARGO_FEATURE_RP2040").is_some();
    let out = env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    fs::copy(if is_rp2040 { "rp2040.x" } else { "rp2350.x" }, out.join("memory.x"))?;
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    if is_rp2040 {
        println!("cargo::rustc-link-arg-bins=-Tlink-rp.x");
    }
    Ok(())
}
