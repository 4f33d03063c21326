//! Writes what came out into the document that tells of it.

/// A document in which the text between `<!-- NAME -->` and `<!-- /NAME -->` is this one; `None`
/// where there is no such place.
#[must_use]
pub fn fill(document: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!(
        "{before}{begin}\n\n{}\n\n{end}{after}",
        text.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn a_place_is_filled_again_and_again() {
        let document = "Before.\n\n<!-- table -->\nold\n<!-- /table -->\n\nAfter.\n";
        let once = fill(document, "table", "| new |\n").unwrap();
        let expected = "Before.\n\n<!-- table -->\n\n| new |\n\n<!-- /table -->\n\nAfter.\n";
        assert_eq!(once, expected);
        assert_eq!(fill(&once, "table", "| new |").unwrap(), once);
        assert_eq!(fill(document, "picture", ""), None);
    }

    #[test]
    fn the_drills_document_has_every_place() {
        let document = include_str!("../../../docs/drill.md");
        for name in ["played", "matrix", "tally", "strategies", "legend", "table"] {
            assert!(fill(document, name, "").is_some(), "{name}");
        }
    }
}
