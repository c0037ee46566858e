//! Lists the scripts and their shared pieces for `lane::redis::scripts`. A new script is a new file, and nothing else.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=lua");
    let (mut scripts, mut pieces) = (String::new(), String::new());
    for folder in sorted(Path::new("lua")).into_iter().filter(|path| path.is_dir()) {
        for file in sorted(&folder).into_iter().filter(|path| path.extension().is_some_and(|end| end == "lua")) {
            let (folder, name) = (text(folder.file_name()), text(file.file_stem()));
            if folder == "lib" {
                let _ = write!(pieces, "\"lib/{name}.lua\", ");
            } else {
                let _ = writeln!(scripts, "    {} = \"{folder}/{name}\";", name.to_uppercase());
            }
        }
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by Cargo")).join("lua.rs");
    fs::write(out, format!("library! {{ {pieces} }}\n\nscripts! {{\n{scripts}}}\n")).expect("room for a list");
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    paths
}

fn text(name: Option<&std::ffi::OsStr>) -> String {
    name.and_then(|name| name.to_str()).expect("names are plain text").to_owned()
}
