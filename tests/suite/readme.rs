//! The README and the crate's documentation show the same example, which the documentation's test compiles.

#[test]
fn the_example_of_the_readme_is_the_one_that_compiles() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read =
        |name: &str| std::fs::read_to_string(root.join(name)).expect("a file of the project");
    let (library, readme) = (read("src/lib.rs"), read("README.md"));
    let example: Vec<&str> = library
        .lines()
        .filter_map(|line| line.strip_prefix("//! "))
        .skip_while(|line| !line.starts_with("let mut client"))
        .take_while(|line| !line.starts_with('#'))
        .collect();
    assert!(example.len() > 5, "{example:?}");
    assert!(
        readme.contains(&example.join("\n")),
        "the README lacks\n{}",
        example.join("\n")
    );
}
