//! What the binary that is deployed needs of the machine that it runs on.

use std::fs;
use std::str;

use object::read::elf::ElfFile64;
use object::{Endianness, FileKind};

use crate::sealed::BOOTSTRAP;

/// Amazon Linux 2023's, which `provided.al2023` is made of.
const GLIBC: (u32, u32) = (2, 34);

/// The versions of symbols that an executable needs, as its version needs have them: `GLIBC_2.30`
/// of `libc.so.6`.
fn version_needs(program: &[u8]) -> Vec<(String, String)> {
    let elf = ElfFile64::<Endianness>::parse(program).unwrap();
    let endian = elf.endian();
    let sections = elf.elf_section_table();
    let (mut needs, strings) = sections.gnu_verneed(endian, program).unwrap().unwrap();
    let strings = sections.strings(endian, program, strings).unwrap();
    let text = |bytes| str::from_utf8(bytes).unwrap().to_owned();
    let mut found = Vec::new();
    while let Some((library, mut versions)) = needs.next().unwrap() {
        let library = text(library.file(endian, strings).unwrap());
        while let Some(version) = versions.next().unwrap() {
            let version = text(version.name(endian, strings).unwrap());
            found.push((library.clone(), version));
        }
    }
    found
}

/// The numbers of `GLIBC_2.30`, or `GLIBC_2.2.5`.
fn glibc(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.strip_prefix("GLIBC_")?.split('.');
    let mut next = || numbers.next()?.parse().ok();
    Some((next()?, next()?))
}

#[test]
fn it_needs_no_glibc_newer_than_lambdas() {
    let program = fs::read(&*BOOTSTRAP).unwrap();
    assert_eq!(FileKind::parse(&*program).unwrap(), FileKind::Elf64);
    let needs = version_needs(&program);
    assert!(needs.len() > 3, "{needs:?}");
    for (library, version) in &needs {
        let known = glibc(version).or((library == "libgcc_s.so.1").then_some((0, 0)));
        let known = known.unwrap_or_else(|| panic!("{library} {version}"));
        assert!(known <= GLIBC, "{library} {version} is newer than Lambda's");
    }
}
