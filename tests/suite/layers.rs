//! Who may import whom: the table of the architecture, held against every `use crate::…` of the sources.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Modules and what each may use inside the crate, besides itself. The first matching prefix counts.
const ALLOWED: &[(&str, &[&str])] = &[
    ("geometry", &[]),
    ("words", &[]),
    ("pixels", &["geometry"]),
    ("wire", &["geometry"]),
    ("codec", &[]),
    ("canvas", &["geometry", "pixels"]),
    ("term", &["geometry", "pixels"]),
    ("keyboard", &[]),
    ("link", &["wire"]),
    (
        "channel",
        &["wire", "geometry", "pixels", "codec", "canvas", "link"],
    ),
    (
        "session",
        &[
            "channel", "wire", "geometry", "pixels", "codec", "canvas", "link",
        ],
    ),
    (
        "recording",
        &[
            "session", "channel", "wire", "geometry", "pixels", "codec", "canvas", "link", "words",
        ],
    ),
    (
        "inspect",
        &["session", "channel", "wire", "geometry", "link"],
    ),
    ("sound", &["channel", "codec"]),
    ("net", &["wire", "link", "channel"]),
    (
        "client",
        &[
            "net", "session", "channel", "wire", "geometry", "pixels", "canvas", "link", "words",
        ],
    ),
    (
        "server",
        &[
            "sound", "net", "session", "channel", "wire", "geometry", "pixels", "canvas", "link",
        ],
    ),
    ("proxy", &["net", "session", "channel", "wire", "link"]),
    (
        "tui",
        &[
            "client",
            "inspect",
            "recording",
            "term",
            "keyboard",
            "sound",
            "session",
            "channel",
            "wire",
            "geometry",
            "pixels",
            "canvas",
            "link",
        ],
    ),
    (
        "cli",
        &[
            "tui",
            "client",
            "server",
            "proxy",
            "net",
            "inspect",
            "recording",
            "session",
            "channel",
            "wire",
            "geometry",
            "pixels",
            "codec",
            "canvas",
            "link",
            "term",
            "keyboard",
            "sound",
            "words",
        ],
    ),
    ("main", &["cli"]),
];

/// Message layouts know nothing of codecs, surfaces or sessions: files of these names, and all in folders of these names.
const LAYOUTS: &[&str] = &["messages", "draw", "image"];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("src is readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The crate modules named by `crate::…` paths of a source, comments left out.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in text.lines().filter(|l| !l.trim_start().starts_with("//")) {
        let mut rest = line;
        while let Some(at) = rest.find("crate::") {
            // `$crate::` in a macro means the same; `some_crate::` is another crate.
            let before = rest[..at].chars().next_back();
            rest = &rest[at + "crate::".len()..];
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            if let Some(group) = rest.strip_prefix('{') {
                let names = group.split(['}', ';']).next().unwrap_or_default();
                found.extend(
                    names
                        .split(',')
                        .map(|n| head(n.trim()))
                        .filter(|n| !n.is_empty()),
                );
            } else {
                found.insert(head(rest));
            }
        }
    }
    found
}

fn head(path: &str) -> String {
    path.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

#[test]
fn knowledge_points_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&root).expect("under src").to_owned();
        let module = relative
            .iter()
            .next()
            .and_then(|p| p.to_str())
            .unwrap_or_default()
            .trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!(
                "{}: module {module} is not in the table",
                relative.display()
            ));
            continue;
        };
        let mut names = relative.iter().filter_map(|part| part.to_str());
        let is_layout = |name: &str| LAYOUTS.contains(&name.trim_end_matches(".rs"));
        let layout = module == "channel" && names.any(is_layout);
        let text = std::fs::read_to_string(&file).expect("a source is readable");
        for import in imports(&text) {
            let known = ALLOWED.iter().any(|(m, _)| *m == import);
            let fine = if layout {
                ["wire", "geometry", "channel"].contains(&import.as_str())
            } else {
                import == module
                    || allowed
                        .iter()
                        .any(|a| a.split("::").next() == Some(&import))
            };
            if known && !fine {
                wrong.push(format!(
                    "{} may not use crate::{import}",
                    relative.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_import_reader_sees_groups_and_skips_other_crates() {
    let text = "use crate::{wire::Reader, codec};\nuse some_crate::canvas;\n// crate::tui\nlet x = crate::link::X;\n";
    let found: Vec<String> = imports(text).into_iter().collect();
    assert_eq!(found, ["codec", "link", "wire"]);
}
