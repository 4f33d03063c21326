//! Reading what AWS's query protocol answers with.

use std::collections::BTreeMap;

use serde_json::Value;

/// What stands in the first element of a name.
#[track_caller]
pub(crate) fn text<'a>(xml: &'a str, tag: &str) -> &'a str {
    let begin = xml.split_once(&format!("<{tag}"));
    let (_, rest) = begin.unwrap_or_else(|| panic!("no {tag} in {xml}"));
    match rest.strip_prefix('>') {
        Some(inside) => inside.split_once(&format!("</{tag}>")).unwrap().0,
        None if rest.starts_with("/>") => "",
        None => text(rest, tag), // another name that begins so
    }
}

/// What stands in each element of a name.
pub(crate) fn texts<'a>(xml: &'a str, tag: &str) -> Vec<&'a str> {
    let begin = format!("<{tag}>");
    let elements = xml.split(&begin).skip(1);
    elements
        .map(|rest| rest.split("</").next().unwrap())
        .collect()
}

/// The attributes of something of Elastic Load Balancing.
pub(crate) fn keys_and_values(xml: &str) -> BTreeMap<String, String> {
    let pair = |member| {
        Some((
            text(member, "Key").to_owned(),
            text(member, "Value").to_owned(),
        ))
    };
    xml.split("<member>").skip(1).filter_map(pair).collect()
}

/// An attribute of something of SNS, which is JSON.
pub(crate) fn entry(xml: &str, key: &str) -> Value {
    let (_, entry) = xml.split_once(&format!("<key>{key}</key>")).unwrap();
    let value = text(entry, "value").replace("&quot;", "\"");
    serde_json::from_str(&value).unwrap()
}
