//! Compresses the page, so that it takes less flash and less time to send.

use std::fs;
use std::io::{Error, Write as _};
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> Result<(), Error> {
    println!("cargo::rerun-if-changed=page.html");
    let page = fs::read("page.html")?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&page)?;
    let folder = std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    fs::write(folder.join("page.html.gz"), encoder.finish()?)
}
