//! What AWS sends, as `events/` has it.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// One by its name.
pub(crate) fn event(name: &str) -> Value {
    read(&folder().join(format!("{name}.json")))
}

/// All of them.
pub(crate) fn events() -> Vec<Value> {
    names().iter().map(|name| event(name)).collect()
}

/// Their names.
pub(crate) fn names() -> Vec<String> {
    let files = fs::read_dir(folder()).unwrap();
    files
        .map(|file| file.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/events"))
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}
